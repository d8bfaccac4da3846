"""When to ask again, and when to give up."""

import asyncio
import email.utils
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from trialbox.synthesis.generators.generator import GeneratorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a request is sent, and how long is waited before it is sent again.

    The wait doubles each time and is shortened by up to half by chance, so that many that failed together don't come
    back together. Where the server says how long to wait (Retry-After), that holds instead.
    """

    most_attempts: int = 8
    most_attempts_unreached: int = 4
    """To a server that never let itself be reached; its address may be wrong, and no sample is lost yet."""
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    longest_asked_seconds: float = 600.0
    """A server that asks for a longer wait is given up."""

    def attempts(self) -> Iterator["Attempt"]:
        """One after the other; the last one's `wait` raises."""
        for number in range(self.most_attempts):
            yield Attempt(self, number)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a request is sent."""

    patience: Patience
    number: int

    async def wait(self, fault: str, retry_after: str | None = None, *, is_reached: bool = True) -> None:
        """Wait until the next attempt; raises GeneratorError with `fault` where there is none."""
        limits = self.patience
        if self.number >= self._last(is_reached):
            raise GeneratorError(f"{fault} (sent {self.number + 1} times)")
        asked = None if retry_after is None else asked_seconds(retry_after)
        if asked is None:
            await asyncio.sleep(self._longest_wait_seconds(self.number) * random.uniform(0.5, 1))
        elif asked <= limits.longest_asked_seconds:
            await asyncio.sleep(asked)
        else:
            raise GeneratorError(
                f"{fault} (it asks to wait {asked:.0f} s; the longest to wait is {limits.longest_asked_seconds:.0f} s)"
            )

    def longest_seconds(self, took_seconds: float, *, is_reached: bool) -> float:
        """How long it may be until all further attempts have failed, if each takes what this one took."""
        further = range(self.number, self._last(is_reached))
        return sum(self._longest_wait_seconds(number) + took_seconds for number in further)

    def _last(self, is_reached: bool) -> int:
        limits = self.patience
        most = limits.most_attempts if is_reached else min(limits.most_attempts, limits.most_attempts_unreached)
        return most - 1

    def _longest_wait_seconds(self, number: int) -> float:
        return min(self.patience.first_wait_seconds * 2.0**number, self.patience.longest_wait_seconds)


def asked_seconds(retry_after: str) -> float | None:
    """How long a Retry-After header asks to wait: a number of seconds, or a date; None where it is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
