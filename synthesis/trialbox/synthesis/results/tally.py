"""What is counted over all programs of a run, in one pass."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from trialbox.client import Trust, Usage, Verdict
from trialbox.synthesis.results.graded import Graded, SharedCase
from trialbox.synthesis.store import ErrorClass


@dataclass(slots=True, kw_only=True)
class TaskTally:
    """One task's programs, each sample's counted."""

    task_id: str
    programs: int = 0
    passed: int = 0
    base_passed: int = 0


@dataclass(slots=True)
class Tally:
    """All programs, each sample's counted; executed was each once."""

    by_task: dict[str, TaskTally] = field(default_factory=dict)
    """In the order of the tasks; those without a program are not there."""
    notes: dict[str, str] = field(default_factory=dict)
    """What must be known of tasks that had a program."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    trusts: Counter[Trust] = field(default_factory=Counter)
    shared_cases: dict[SharedCase, None] = field(default_factory=dict)
    errors: Counter[ErrorClass] = field(default_factory=Counter)
    """Why programs didn't pass."""
    case_wall_seconds: float = 0
    usage: Usage = field(default_factory=Usage)
    """Of what was executed: summed, and of peaks the highest."""

    @classmethod
    def of(cls, graded: Iterable[Graded]) -> "Tally":
        """Count them."""
        tally = cls()
        for item in graded:
            tally._add(item)
        return tally

    @property
    def programs(self) -> int:
        """How many there are."""
        return sum(task.programs for task in self.by_task.values())

    @property
    def passed(self) -> int:
        """How many passed."""
        return sum(task.passed for task in self.by_task.values())

    @property
    def solved(self) -> int:
        """How many tasks have a program that passed."""
        return sum(task.passed > 0 for task in self.by_task.values())

    def _add(self, item: Graded) -> None:
        task = item.sample.task
        counts = self.by_task.setdefault(task.task_id, TaskTally(task_id=task.task_id))
        counts.programs += 1
        counts.passed += item.passed
        counts.base_passed += item.base_passed
        if task.note:
            self.notes[task.task_id] = task.note
        if item.error_class is not None:
            self.errors[item.error_class] += 1
        for case, result in item.cases:
            self.verdicts[result.verdict] += 1
            self.trusts[result.trust] += 1
            self.case_wall_seconds += result.wall_seconds
            if result.trust is Trust.SHARED:
                self.shared_cases[SharedCase(task.task_id, case.name, result.shared_reason)] = None
        if not item.is_repeated:
            self.usage = _total([self.usage, item.evaluation.usage])


def _total(usages: Sequence[Usage]) -> Usage:
    """Sum what adds up; of peaks, the highest."""
    return Usage(
        wall_seconds=sum(usage.wall_seconds for usage in usages),
        user_cpu_seconds=sum(usage.user_cpu_seconds for usage in usages),
        system_cpu_seconds=sum(usage.system_cpu_seconds for usage in usages),
        peak_memory_bytes=max(usage.peak_memory_bytes for usage in usages),
        peak_processes=max(
            (usage.peak_processes for usage in usages if usage.peak_processes is not None), default=None
        ),
        queue_seconds=sum(usage.queue_seconds for usage in usages),
        setup_seconds=sum(usage.setup_seconds for usage in usages),
    )
