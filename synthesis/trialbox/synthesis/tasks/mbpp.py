"""Mostly Basic Python Problems: the full set (JSON Lines) and the sanitized one (a JSON array)."""

from pathlib import Path

from trialbox.client import Check, Suite
from trialbox.synthesis.tasks.rows import Row
from trialbox.synthesis.tasks.task import Task, load_tasks

_NAME = "Mbpp"


def load_mbpp(path: Path, *, challenge: bool = False) -> list[Task]:
    """Load MBPP tasks in the file's order, one Check for each assert.

    With `challenge`, the challenge tests of the few tasks that have some come after the
    others. Raises TaskFileError, and OSError when the file can't be read.
    """
    return load_tasks(path, lambda row: _task(row, challenge))


def _task(row: Row, challenge: bool) -> Task:
    number = row.number("task_id", row.identifier("task_id"))
    sanitized = "test_imports" in row
    lists = ["test_list", *(["challenge_test_list"] if challenge and not sanitized else [])]
    cases = [
        Check(source, name=f"{field}[{position}]")
        for field in lists
        for position, source in enumerate(row.texts(field))
    ]
    if not cases:
        row.fail("test_list", "holds no tests")
    return Task(
        task_id=f"{_NAME}/{number}",
        prompt=row.text("prompt" if sanitized else "text"),
        reference=row.text("code"),
        suite=Suite(cases, setup="\n".join(row.texts("test_imports")) if sanitized else row.text("test_setup_code")),
        asserts=tuple(row.texts("test_list")),
    )
