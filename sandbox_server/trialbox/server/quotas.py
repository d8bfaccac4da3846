"""What a tenant may still have now: requests a second, batch streams, bytes of messages."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator


class QuotaExceededError(Exception):
    """A tenant asks for more than its quota; it may try again when `retry_seconds` have passed."""

    def __init__(self, quota: str, message: str, retry_seconds: float) -> None:
        self.quota = quota
        self.retry_seconds = retry_seconds
        super().__init__(message)


class Rate:
    """So many requests a second in the long run, and `burst` at once after a pause; None lets all pass."""

    def __init__(self, per_second: float | None, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left = float(burst)
        self._since = clock()

    def take(self) -> None:
        """Have one request pass; raises QuotaExceededError."""
        if self._per_second is None:
            return
        wait_seconds = self._wait_seconds()
        if wait_seconds > 0:
            told = f"the quota requests_per_second is {self._per_second:g}, with a burst of {self._burst}"
            raise QuotaExceededError("requests_per_second", told, wait_seconds)
        self._left -= 1

    async def take_later(self) -> None:
        """Have one request pass as soon as it may; others come after it."""
        if self._per_second is None:
            return
        wait_seconds = self._wait_seconds()
        self._left -= 1
        if wait_seconds > 0:
            await asyncio.sleep(wait_seconds)

    def _wait_seconds(self) -> float:
        assert self._per_second is not None
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._since) * self._per_second)
        self._since = now
        return (1 - self._left) / self._per_second


class Streams:
    """Batch streams open at once; None is any number."""

    def __init__(self, maximum: int | None) -> None:
        self.maximum = maximum
        self._open = 0

    @contextlib.contextmanager
    def one(self, retry_seconds: float) -> Iterator[None]:
        """Have one more; raises QuotaExceededError."""
        if self.maximum is not None and self._open >= self.maximum:
            told = f"the quota streams is {self.maximum}, and so many are open"
            raise QuotaExceededError("streams", told, retry_seconds)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


class Messages:
    """Bytes of messages that single calls hold at once: requests that wait or run, answers that are yet to be read.

    One call passes whatever it holds.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._held = 0

    def hold(self, size: int, retry_seconds: float) -> "Held":
        """Take a request in; raises QuotaExceededError."""
        if self._held and self._held + size > self._maximum:
            told = f"the messages of this tenant's open calls hold {self._held} bytes; with {size} more they would be "
            raise QuotaExceededError("message_bytes", f"{told}above {self._maximum}", retry_seconds)
        held = Held(self)
        held.add(size)
        return held

    def count(self, size: int) -> None:
        """Take so many bytes more, or with a negative number less."""
        self._held += size


class Held:
    """What one call holds of them."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._size = 0

    def add(self, size: int) -> None:
        """Hold more, such as an answer: one that is there can't be refused."""
        self._size += size
        self._messages.count(size)

    def release(self) -> None:
        """Hold nothing any more, since the call has ended."""
        self._messages.count(-self._size)
        self._size = 0
