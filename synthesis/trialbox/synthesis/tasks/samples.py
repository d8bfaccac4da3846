"""Programs that models wrote for tasks, in the forms that evalplus reads and writes, and the tasks' own references."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from trialbox.synthesis.tasks.rows import Row, TaskFileError, read_rows
from trialbox.synthesis.tasks.selection import tasks_by_id
from trialbox.synthesis.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One program for a task."""

    task: Task
    index: int
    """Which of the task's programs this is, from 0, in the order they were recorded."""
    source: str

    @property
    def name(self) -> str:
        """The task's id, and from the second program on which one it is: `Mbpp/11`, `Mbpp/11 #1`."""
        return f"{self.task.task_id} #{self.index}" if self.index else self.task.task_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was recorded for some tasks."""

    samples: Sequence[Sample]
    """In the order of the tasks."""
    other_ids: Sequence[str] = ()
    """The ids of further programs, for tasks of the same data set that weren't asked for."""


def references(tasks: Sequence[Task]) -> list[Sample]:
    """Each task's own solution.

    Raises TaskFileError where no task has one.
    """
    found = [
        Sample(task=task, index=0, source=task.whole(task.reference)) for task in tasks if task.reference is not None
    ]
    if not found:
        raise TaskFileError("none of the tasks has a reference")
    return found


def load_samples(path: Path, tasks: Sequence[Task]) -> Recorded:
    """Load recorded programs for `tasks`; a task may have any number.

    A row of a file holds `task_id` and either `solution`, a whole program, or `completion`, which
    goes on after a prompt that is code; where both are there, `solution` counts. A folder holds whole
    programs as `Mbpp_11/0.py`. Ids may be written as in the data set, in any case, or by their number
    alone. Raises TaskFileError, where no program is for one of `tasks` too, and OSError when something
    can't be read.
    """
    data_set = tasks[0].task_id.rpartition("/")[0].lower()
    by_id = tasks_by_id(tasks)
    found: list[tuple[Task, str]] = []
    others: list[tuple[Row, str]] = []
    for row in _programs(path) if path.is_dir() else read_rows(path):
        task_id = row.identifier("task_id")
        source, whole = recorded_text(row)
        task = by_id.get(task_id.lower())
        if task is not None:
            found.append((task, task.whole(source) if whole else task.complete(source)))
        elif task_id.lower().removeprefix(f"{data_set}/").isdecimal():
            others.append((row, task_id))
        else:
            _refuse(row, task_id, tasks)
    if not found:
        _refuse(*others[0], tasks)
    return Recorded(samples=_numbered(found, tasks), other_ids=[task_id for _, task_id in others])


def recorded_text(row: Row) -> tuple[str, bool]:
    """What was recorded, and whether it is a whole program; raises TaskFileError."""
    whole = "solution" in row or "completion" not in row
    return row.text("solution" if whole else "completion"), whole


def _refuse(row: Row, task_id: str, tasks: Sequence[Task]) -> NoReturn:
    row.fail("task_id", f"no task has the id {task_id!r}; the first one's is {tasks[0].task_id!r}")


def _numbered(found: list[tuple[Task, str]], tasks: Sequence[Task]) -> list[Sample]:
    order = {task.task_id: position for position, task in enumerate(tasks)}
    counts: Counter[str] = Counter()
    samples = []
    for task, source in sorted(found, key=lambda pair: order[pair[0].task_id]):
        samples.append(Sample(task=task, index=counts[task.task_id], source=source))
        counts[task.task_id] += 1
    return samples


def _programs(folder: Path) -> list[Row]:
    rows = []
    for programs in sorted(folder.iterdir()):
        if programs.is_dir() and not programs.name.startswith("."):
            task_id = programs.name.replace("_", "/")
            rows += [
                Row(str(path), {"task_id": task_id, "solution": _read(path)})
                for path in sorted(programs.glob("*.py"), key=_number)
            ]
    if not rows:
        raise TaskFileError(f"{folder}: holds no programs; they are looked for as Mbpp_11/0.py")
    return rows


def _number(path: Path) -> int:
    if not path.stem.isdecimal():
        raise TaskFileError(f"{path}: must have a number for its name, as 0.py")
    return int(path.stem)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise TaskFileError(f"{path}: is not UTF-8: {error}") from error
