"""Programs that models wrote for tasks, in evalplus's JSON Lines form, and the tasks' own references."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trialbox.synthesis.tasks.rows import read_rows
from trialbox.synthesis.tasks.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One program for a task."""

    task: Task
    index: int
    """Which of the task's programs this is, from 0, in the order they were recorded."""
    source: str


def references(tasks: Sequence[Task]) -> list[Sample]:
    """Each task's own solution."""
    return [Sample(task=task, index=0, source=task.reference) for task in tasks]


def load_samples(path: Path, tasks: Sequence[Task]) -> list[Sample]:
    """Load recorded programs for `tasks`, in the order of the tasks; a task may have any number.

    A row holds `task_id` and either `solution`, a whole program, or `completion`, which
    goes on after a prompt that is code; where both are there, `solution` counts. Ids may
    be written as in the data set, in any case, or by their number alone. Raises
    TaskFileError, for ids that no task has too, and OSError when the file can't be read.
    """
    by_id = {name: task for task in tasks for name in (task.task_id.lower(), task.task_id.rpartition("/")[2])}
    found: list[tuple[Task, str]] = []
    for row in read_rows(path):
        task_id = row.identifier("task_id")
        task = by_id.get(task_id.lower())
        if task is None:
            row.fail("task_id", f"no task has the id {task_id!r}; the first one's is {tasks[0].task_id!r}")
        whole = "solution" in row or "completion" not in row
        found.append((task, row.text("solution") if whole else task.complete(row.text("completion"))))
    order = {task.task_id: position for position, task in enumerate(tasks)}
    found.sort(key=lambda pair: order[pair[0].task_id])
    counts: Counter[str] = Counter()
    samples = []
    for task, source in found:
        samples.append(Sample(task=task, index=counts[task.task_id], source=source))
        counts[task.task_id] += 1
    return samples
