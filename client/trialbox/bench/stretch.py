"""What was timed: one stretch of each kind a round, and what becomes of a kind's stretches."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one kind did in one round."""

    executions: int
    elapsed_seconds: float
    seconds: Sequence[float] = ()
    """What each execution took, where that means anything."""

    @classmethod
    def of(cls, loops: Sequence[Sequence[float]]) -> Self:
        """Put together what ran side by side: each loop is of executions back to back."""
        return cls(
            executions=sum(map(len, loops)),
            elapsed_seconds=max(map(sum, loops)),
            seconds=[taken for loop in loops for taken in loop],
        )

    @property
    def per_second(self) -> float:
        """The rate, of all that ran side by side."""
        return self.executions / self.elapsed_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind over all rounds: the median of the rates, the percentiles of all executions together."""

    executions: int
    per_second: float
    per_second_of_rounds: Sequence[float]
    p50_seconds: float | None
    p99_seconds: float | None

    @classmethod
    def of(cls, stretches: Sequence[Stretch]) -> Self:
        """Sum a kind up."""
        rates = [stretch.per_second for stretch in stretches]
        pooled = [taken for stretch in stretches for taken in stretch.seconds]
        return cls(
            executions=sum(stretch.executions for stretch in stretches),
            per_second=statistics.median(rates),
            per_second_of_rounds=rates,
            p50_seconds=percentile(pooled, 50) if pooled else None,
            p99_seconds=percentile(pooled, 99) if pooled else None,
        )


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of the values do not exceed, interpolated between neighbours."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
