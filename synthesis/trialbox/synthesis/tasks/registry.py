"""The data sets by name, each with its loader and the parts that it is divided into."""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trialbox.synthesis.tasks.evalplus import load_humaneval_plus, load_mbpp_plus
from trialbox.synthesis.tasks.hub import located
from trialbox.synthesis.tasks.humaneval import load_humaneval
from trialbox.synthesis.tasks.mathqa import load_mathqa
from trialbox.synthesis.tasks.mbpp import load_mbpp
from trialbox.synthesis.tasks.own import load_own
from trialbox.synthesis.tasks.selection import MBPP_SPLITS, SelectionError, select
from trialbox.synthesis.tasks.task import Task


class TaskSet(enum.StrEnum):
    """The data sets that can be loaded."""

    MBPP = "mbpp"
    """Full or sanitized."""
    MBPP_PLUS = "mbpp+"
    HUMANEVAL = "humaneval"
    HUMANEVAL_PLUS = "humaneval+"
    MATHQA = "mathqa"
    """As MathQA-Python; its parts are files."""
    JSONL = "jsonl"
    """Tasks of one's own, in the format that `load_own` reads."""


@dataclass(frozen=True, slots=True)
class _Set:
    load: Callable[[Path], list[Task]]
    splits: Mapping[str, str] = field(default_factory=dict)


_SETS = {
    TaskSet.MBPP: _Set(load_mbpp, MBPP_SPLITS),
    TaskSet.MBPP_PLUS: _Set(load_mbpp_plus, MBPP_SPLITS),
    TaskSet.HUMANEVAL: _Set(load_humaneval),
    TaskSet.HUMANEVAL_PLUS: _Set(load_humaneval_plus),
    TaskSet.MATHQA: _Set(load_mathqa),
    TaskSet.JSONL: _Set(load_own),
}


def load(
    name: str,
    source: str | Path,
    *,
    split: str | None = None,
    ids: Iterable[str | int] | None = None,
    limit: int | None = None,
) -> list[Task]:
    """Load a data set's tasks, in the order of its file.

    Args:
        name: The data set, as TaskSet has it.
        source: Its file's path, or `hf://owner/name/file` on the Hugging Face hub.
        split: The part to take, where the data set has parts: see MBPP_SPLITS.
        ids: The tasks to take, of that part where one is named, as `select` reads them.
        limit: The most tasks to take of these: the first ones.

    Raises:
        TaskFileError: The file can't be used, or not be fetched; the message names file, line and field.
        SelectionError: There is no such data set, part or id, or `limit` is less than 1.
        OSError: The file can't be read.
    """
    found = _checked(name, split, limit)
    return choose(name, found.load(located(source)), split=split, ids=ids, limit=limit)


def choose(
    name: str,
    tasks: list[Task],
    *,
    split: str | None = None,
    ids: Iterable[str | int] | None = None,
    limit: int | None = None,
) -> list[Task]:
    """Take some of a data set's tasks, which are all there, as `load` does; raises SelectionError."""
    found = _checked(name, split, limit)
    if split is not None:
        tasks = select(tasks, [found.splits[split]])
    if ids is not None:
        try:
            tasks = select(tasks, ids)
        except SelectionError as error:
            raise SelectionError(f"{name if split is None else f'{name}, part {split}'}: {error}") from None
    return tasks[:limit]


def _checked(name: str, split: str | None, limit: int | None) -> _Set:
    try:
        found = _SETS[TaskSet(name)]
    except ValueError:
        raise SelectionError(f"no data set is called {name!r}; there are {', '.join(TaskSet)}") from None
    if split is not None and split not in found.splits:
        parts = f"its parts are {', '.join(found.splits)}" if found.splits else "it has no parts"
        raise SelectionError(f"{name} has no part {split!r}; {parts}")
    if limit is not None and limit < 1:
        raise SelectionError(f"limit must be 1 or more, not {limit}")
    return found
