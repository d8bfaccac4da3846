"""Graded programs and what can be said of all of them together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from trialbox.client import Trust
from trialbox.synthesis.results.graded import Graded
from trialbox.synthesis.results.pass_at_k import Estimate, Share, estimate, share
from trialbox.synthesis.results.tally import Tally
from trialbox.synthesis.tasks import Task

_KS = (1, 10, 100)


# Without slots: they leave no room for what cached_property keeps.
@dataclass(frozen=True, kw_only=True)
class Report:
    """All programs of one run, in the order of the tasks."""

    tasks: Sequence[Task]
    graded: Iterable[Graded]
    """Gone through anew for each file that is written, so that no more than a task's programs need be in memory."""
    wall_seconds: float
    data_md5: str = ""
    """Of the data set's file, unpacked."""
    other_ids: Sequence[str] = ()
    """The ids of recorded programs whose tasks the data set's file doesn't hold."""

    @cached_property
    def tally(self) -> Tally:
        """What is counted over all programs."""
        return Tally.of(self.graded)

    @property
    def extended(self) -> bool:
        """Whether the data set extends another, so that its base and plus cases are told apart."""
        return any(task.base_cases is not None for task in self.tasks)

    @cached_property
    def pass_at_k(self) -> dict[str, list[Estimate]]:
        """`base` by the base cases alone, and for data sets that extend another `plus`, by all cases."""
        counts = self.tally.by_task.values()
        rates = {"base": _rates([(task.programs, task.base_passed) for task in counts])}
        if self.extended:
            rates["plus"] = _rates([(task.programs, task.passed) for task in counts])
        return rates

    @cached_property
    def tasks_solved(self) -> Share | None:
        """The share of the tasks tried that any program solves."""
        return share([(1, task.passed > 0) for task in self.tally.by_task.values()])

    @cached_property
    def programs_passed(self) -> Share | None:
        """The share of the programs that solve their task."""
        return share([(task.programs, task.passed) for task in self.tally.by_task.values()])

    @property
    def separated_share(self) -> float | None:
        """The share of verdicts that are SEPARATED; None where there is no verdict."""
        total = self.tally.trusts.total()
        return self.tally.trusts[Trust.SEPARATED] / total if total else None


def _rates(counts: Sequence[tuple[int, int]]) -> list[Estimate]:
    fewest = min((programs for programs, _ in counts), default=0)
    # Where tasks have fewer than 100, 80 say, the last k is all that each of them has.
    ks = sorted({*_KS, *([fewest] if _KS[1] < fewest < _KS[2] else [])})
    return [found for k in ks if (found := estimate(counts, k)) is not None]
