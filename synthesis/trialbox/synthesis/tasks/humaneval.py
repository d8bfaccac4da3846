"""HumanEval: functions to complete, each graded by one `check(candidate)`."""

from pathlib import Path

from trialbox.client import Check, Suite
from trialbox.synthesis.tasks.rows import Row
from trialbox.synthesis.tasks.task import Task, load_tasks


def load_humaneval(path: Path) -> list[Task]:
    """Load HumanEval tasks in the file's order.

    Raises TaskFileError, and OSError when the file can't be read.
    """
    return load_tasks(path, _task)


def _task(row: Row) -> Task:
    prompt, entry_point = row.text("prompt"), row.function_name("entry_point")
    check = Check(f"{row.text('test')}\n\ncheck({entry_point})\n", name="check")
    return Task(
        task_id=row.identifier("task_id"),
        prompt=prompt,
        reference=prompt + row.text("canonical_solution"),
        suite=Suite([check]),
        entry_point=entry_point,
        prompt_is_code=True,
    )
