"""Takes some of a data set's tasks: by id, by number, or by the name of a part."""

import re
from collections.abc import Iterable, Mapping, Sequence

from trialbox.synthesis.tasks.rows import MOST_DIGITS
from trialbox.synthesis.tasks.task import Task

MBPP_SPLITS: Mapping[str, str] = {"prompt": "1-10", "test": "11-510", "validation": "511-600", "train": "601-974"}
"""The parts of MBPP that Austin et al. (2021) give examples from, test on, validate with and fine-tune on."""

_DIGITS = rf"\d{{1,{MOST_DIGITS}}}"


class SelectionError(ValueError):
    """What was asked for isn't among the tasks."""


def select(tasks: Sequence[Task], ids: Iterable[str | int]) -> list[Task]:
    """Take the tasks with these ids, in the tasks' own order, each once.

    An id is written as in the data set, in any case; or as its number alone, or as a range of numbers, `11-510`, of
    which some may be missing. Raises SelectionError for an id that no task has.
    """
    by_id = tasks_by_id(tasks)
    chosen = {task.task_id for name in ids for task in _named(str(name), by_id, tasks)}
    return [task for task in tasks if task.task_id in chosen]


def tasks_by_id(tasks: Sequence[Task]) -> dict[str, Task]:
    """Each task by its id in lower case, and by what follows the last slash of it where that tells it from others."""
    found: dict[str, Task] = {}
    ambiguous: set[str] = set()
    for task in tasks:
        short = task.task_id.rpartition("/")[2].lower()
        if short in found:
            ambiguous.add(short)
        found[short] = task
    return {
        **{short: task for short, task in found.items() if short not in ambiguous},
        **{task.task_id.lower(): task for task in tasks},
    }


def _named(name: str, by_id: Mapping[str, Task], tasks: Sequence[Task]) -> list[Task]:
    task = by_id.get(name.strip().lower())
    if task is not None:
        return [task]
    numbers = re.fullmatch(rf"\s*({_DIGITS})-({_DIGITS})\s*", name)
    if numbers and int(numbers[1]) > int(numbers[2]):
        raise SelectionError(f"the range {name!r} ends before it begins")
    found = [task for task in tasks if _number(task) in range(int(numbers[1]), int(numbers[2]) + 1)] if numbers else []
    if not found:
        first = f"; the first one's is {tasks[0].task_id!r}" if tasks else ""
        raise SelectionError(f"no task has the id {name!r}{first}")
    return found


def _number(task: Task) -> int | None:
    number = task.task_id.rpartition("/")[2]
    return int(number) if re.fullmatch(_DIGITS, number) else None
