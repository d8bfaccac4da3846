"""What a run holds of one task at a time, so that no more of it need be in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Generic, TypeVar

from trialbox.client import Evaluation
from trialbox.synthesis.store.error_class import ErrorClass, error_class
from trialbox.synthesis.store.rows import ProgramRow, RunView, SampleRow, TaskRow

_Row = TypeVar("_Row", SampleRow, ProgramRow)

PASSED = "passed"
NOT_GRADED = "not graded"
STATES = (PASSED, *ErrorClass, NOT_GRADED)
"""What a sample can come to."""


@dataclass(frozen=True, slots=True)
class Group:
    """Samples of one task that came to the same program, or all that hold none."""

    program: ProgramRow | None
    samples: Sequence[SampleRow]

    @property
    def state(self) -> str:
        """One of STATES."""
        if self.program is None:
            return ErrorClass.NO_CODE
        if self.program.evaluation is None:
            return NOT_GRADED
        return error_class(self.program.evaluation) or PASSED

    @property
    def evaluation(self) -> Evaluation | None:
        """None where there is no program, or no verdict yet."""
        return None if self.program is None else self.program.evaluation


@dataclass(frozen=True)
class TaskRun:
    """A task, its samples and the programs that they came to."""

    task: TaskRow
    samples: Sequence[SampleRow]
    programs: Sequence[ProgramRow]

    @property
    def answers(self) -> Iterator[tuple[SampleRow, ProgramRow | None]]:
        """Each sample with its program, None where it holds none."""
        programs = {program.program_id: program for program in self.programs}
        for sample in self.samples:
            yield sample, None if sample.program_id is None else programs[sample.program_id]

    @cached_property
    def groups(self) -> Sequence[Group]:
        """The samples by their program: the one that most came to first, those without one last."""
        samples: dict[int | None, list[SampleRow]] = {}
        for sample in self.samples:
            samples.setdefault(sample.program_id, []).append(sample)
        with_program = [Group(row, samples[row.program_id]) for row in self.programs if row.program_id in samples]
        with_program.sort(key=lambda group: -len(group.samples))
        return [*with_program, Group(None, samples[None])] if None in samples else with_program

    @cached_property
    def states(self) -> Counter[str]:
        """How many samples came to each of STATES."""
        states: Counter[str] = Counter()
        for group in self.groups:
            states[group.state] += len(group.samples)
        return states


def task_runs(view: RunView) -> Iterator[TaskRun]:
    """Go through a run, task by task."""
    samples = _Taken(view.samples())
    programs = _Taken(view.programs())
    for task in view.tasks:
        yield TaskRun(task, samples.of(task.task_id), programs.of(task.task_id))


class _Taken(Generic[_Row]):
    """Rows in the order of tasks, taken a task at a time."""

    def __init__(self, rows: Iterable[_Row]) -> None:
        self._groups: Iterator[tuple[str, Iterator[_Row]]] = groupby(rows, key=lambda row: row.task_id)
        self._next: tuple[str, Iterator[_Row]] | None = next(self._groups, None)

    def of(self, task_id: str) -> Sequence[_Row]:
        if self._next is None or self._next[0] != task_id:
            return ()
        rows = list(self._next[1])
        self._next = next(self._groups, None)
        return rows
