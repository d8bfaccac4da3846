"""Programs that models wrote for tasks, in the forms that evalplus reads and writes, and the tasks' own references."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from trialbox.synthesis.tasks.rows import Row, TaskFileError, stream_rows
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


class SampleFile:
    """Recorded programs for tasks, in a file of any length; a task may have any number.

    A row of a file holds `task_id` and either `solution`, a whole program, or `completion`, which
    goes on after a prompt that is code; where both are there, `solution` counts. A folder holds whole
    programs as `Mbpp_11/0.py`. Ids may be written as in the data set, in any case, or by their number
    alone.
    """

    def __init__(self, path: Path, tasks: Sequence[Task]) -> None:
        """Read it through once, so that it has no fault later.

        Raises TaskFileError, where no program is for one of `tasks` too, and OSError when something can't be read.
        """
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise TaskFileError(f"{path} is no file and no folder: it is read more than once")
        self._path = path
        self._tasks = tasks
        self.other_ids: list[str] = []
        """The ids of further programs, for tasks of the same data set that weren't asked for."""
        digest = hashlib.md5(usedforsecurity=False)
        self.count = 0
        """How many programs are for the tasks."""
        first_other: Row | None = None
        for row, sample in self._rows():
            if sample is None:
                first_other = first_other or row
                self.other_ids.append(row.identifier("task_id"))
                continue
            self.count += 1
            digest.update(json.dumps([sample.task.task_id, sample.source]).encode())
        if not self.count and first_other is not None:
            _refuse(first_other, tasks)
        self.md5 = digest.hexdigest()
        """The same for the same programs in the same order."""

    def __iter__(self) -> Iterator[Sample]:
        """Read the programs one by one, in the file's order."""
        return (sample for _, sample in self._rows() if sample is not None)

    def _rows(self) -> Iterator[tuple[Row, Sample | None]]:
        """Each row with its program, where that is for one of the tasks."""
        data_set = self._tasks[0].task_id.rpartition("/")[0].lower()
        by_id = tasks_by_id(self._tasks)
        counts: Counter[str] = Counter()
        for row in _programs(self._path) if self._path.is_dir() else stream_rows(self._path):
            task_id = row.identifier("task_id").lower()
            text, is_whole = recorded_text(row)
            task = by_id.get(task_id)
            if task is not None:
                source = task.whole(text) if is_whole else task.complete(text)
                yield row, Sample(task=task, index=counts[task.task_id], source=source)
                counts[task.task_id] += 1
            elif task_id.removeprefix(f"{data_set}/").isdecimal():
                yield row, None
            else:
                _refuse(row, self._tasks)


def recorded_text(row: Row) -> tuple[str, bool]:
    """What was recorded, and whether it is a whole program; raises TaskFileError."""
    whole = "solution" in row or "completion" not in row
    return row.text("solution" if whole else "completion"), whole


def _refuse(row: Row, tasks: Sequence[Task]) -> NoReturn:
    row.fail("task_id", f"no task has the id {row.identifier('task_id')!r}; the first one's is {tasks[0].task_id!r}")


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
    if not path.is_file():
        raise TaskFileError(f"{path} is no file")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise TaskFileError(f"{path}: is not UTF-8: {error}") from error
