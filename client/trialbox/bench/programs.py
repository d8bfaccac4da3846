"""The programs that are measured: each differs from every other, and each answer is checked."""

import itertools

from trialbox.bench.bare_fork import answer_to, source_of

__all__ = ["MeasurementError", "Numbers", "check", "source_of"]

_BLOCK = 1_000_000


class MeasurementError(Exception):
    """What was measured was not what should have been: a wrong answer, or a yardstick that doesn't run."""


class Numbers:
    """Hands out where to begin counting, far enough apart that no two programs are the same."""

    def __init__(self) -> None:
        self._blocks = itertools.count(_BLOCK, _BLOCK)

    def first(self) -> int:
        """The first number of a block that nobody else counts in."""
        return next(self._blocks)


def check(number: int, output: bytes) -> None:
    """Compare what a program printed; raises MeasurementError."""
    if output != answer_to(number):
        raise MeasurementError(f"wrong answer to {source_of(number)}: {output!r}")
