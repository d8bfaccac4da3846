"""The main figures of a run, counted in one pass over it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from trialbox.synthesis.results.pass_at_k import Estimate, estimate
from trialbox.synthesis.store import NOT_GRADED, PASSED, RunView, TaskRun, task_runs

_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCount:
    """How the graded samples of a task came out."""

    graded: int
    passed: int
    base_passed: int | None
    """None where the task extends no other."""


# Without slots: they leave no room for what cached_property keeps.
@dataclass
class Summary:
    """What a run came to so far."""

    tasks: list[TaskCount] = field(default_factory=list)
    """Those with a graded sample."""
    states: Counter[str] = field(default_factory=Counter)
    """How many samples came to each of STATES."""
    tokens: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How many samples have how many tokens, by what ended them."""
    programs: int = 0
    """Different ones: what was executed."""

    def add(self, run: TaskRun) -> None:
        """Count a task's samples."""
        base_passed = 0
        for group in run.groups:
            self.programs += group.program is not None
            if group.evaluation is not None and run.task.base_passed(group.evaluation):
                base_passed += len(group.samples)
            for sample in group.samples:
                if sample.tokens is not None:
                    self.tokens[sample.tokens, sample.finish_reason] += 1
        self.states += run.states
        if graded := run.states.total() - run.states[NOT_GRADED]:
            extends = run.task.base_cases is not None
            self.tasks.append(
                TaskCount(graded=graded, passed=run.states[PASSED], base_passed=base_passed if extends else None)
            )

    @property
    def graded(self) -> int:
        """How many samples are graded; those without a program need none."""
        return self.states.total() - self.states[NOT_GRADED]

    @property
    def solved(self) -> int:
        """How many tasks a sample solves."""
        return sum(task.passed > 0 for task in self.tasks)

    @cached_property
    def solved_share(self) -> Estimate | None:
        """The share of tasks that a sample solves."""
        return estimate([(1, int(task.passed > 0)) for task in self.tasks], 1)

    @cached_property
    def solving_share(self) -> Estimate | None:
        """The share of samples that solve their task, every task counting alike."""
        return estimate([(task.graded, task.passed) for task in self.tasks], 1)

    @cached_property
    def pass_at_k(self) -> Sequence[Estimate]:
        """By all cases, for some k up to the most samples that a task has."""
        return self._rates([(task.graded, task.passed) for task in self.tasks])

    @cached_property
    def base_pass_at_k(self) -> Sequence[Estimate]:
        """By the base cases alone, over the tasks that extend another."""
        return self._rates([(task.graded, task.base_passed) for task in self.tasks if task.base_passed is not None])

    def _rates(self, counts: Sequence[tuple[int, int]]) -> Sequence[Estimate]:
        most = max((graded for graded, _ in counts), default=0)
        steps = [step * 10**power for power in range(len(str(most))) for step in _STEPS]
        ks = sorted({k for k in steps if k < most} | {most} - {0})
        return [found for k in ks if (found := estimate(counts, k)) is not None]


def summarise(view: RunView) -> Summary:
    """Count a run."""
    summary = Summary()
    for run in task_runs(view):
        summary.add(run)
    return summary
