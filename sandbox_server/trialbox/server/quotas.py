"""What a tenant may still have now: requests a second, batch streams."""

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
