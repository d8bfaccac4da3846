"""How many programs pass: their share, and pass@k, how likely it is that one of k programs for a task passes."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

CONFIDENCE = 0.95
"""How sure an interval is."""

_RESAMPLES = 2000
# The same programs must give the same interval.
_SEED = 0

_Task = TypeVar("_Task")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """pass@k as the mean over tasks, and an interval that says how much it hangs on which tasks were taken."""

    k: int
    value: float
    low: float
    high: float
    tasks: int
    """How many tasks had k programs or more; the others don't count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of programs or tasks, and an interval that says how much it hangs on which tasks were taken."""

    value: float
    low: float
    high: float
    tasks: int


def pass_at_k(programs: int, passed: int, k: int) -> float:
    """Estimate pass@k of one task, without bias: 1 - C(n - c, k) / C(n, k) (Chen et al., 2021).

    Raises ValueError unless 0 <= passed <= programs and 1 <= k <= programs.
    """
    if not (0 <= passed <= programs and 1 <= k <= programs):
        raise ValueError(f"pass@{k} can't be told from {programs} programs of which {passed} passed")
    if programs - passed < k:
        return 1.0
    # The quotient of the binomials as a product: neither of them need be computed.
    return 1.0 - math.prod(1.0 - k / number for number in range(programs - passed + 1, programs + 1))


def estimate(tasks: Sequence[tuple[int, int]], k: int) -> Estimate | None:
    """Estimate pass@k over tasks, each told as its number of programs and of those that passed.

    The interval is a percentile bootstrap over tasks. None where no task has k programs.
    """
    values = [pass_at_k(programs, passed, k) for programs, passed in tasks if programs >= k]
    if not values:
        return None
    low, high = _interval(values, fmean)
    return Estimate(k=k, value=fmean(values), low=low, high=high, tasks=len(values))


def share(tasks: Sequence[tuple[int, int]]) -> Share | None:
    """The share of all tasks' programs that passed, each task told as in `estimate`.

    The interval is a percentile bootstrap over tasks. None where there is no program.
    """
    tried = [task for task in tasks if task[0]]
    if not tried:
        return None
    low, high = _interval(tried, _passed_share)
    return Share(value=_passed_share(tried), low=low, high=high, tasks=len(tried))


def _passed_share(tasks: Sequence[tuple[int, int]]) -> float:
    return sum(passed for _, passed in tasks) / sum(programs for programs, _ in tasks)


def _interval(tasks: Sequence[_Task], statistic: Callable[[Sequence[_Task]], float]) -> tuple[float, float]:
    chance = random.Random(_SEED)
    found = sorted(statistic(chance.choices(tasks, k=len(tasks))) for _ in range(_RESAMPLES))
    outside = (1 - CONFIDENCE) / 2
    return found[math.floor(outside * (_RESAMPLES - 1))], found[math.ceil((1 - outside) * (_RESAMPLES - 1))]
