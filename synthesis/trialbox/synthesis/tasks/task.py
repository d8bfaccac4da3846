"""One task: what to program, a program that does it, and the cases to grade others by."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trialbox.client import Suite
from trialbox.synthesis.tasks.rows import Row, read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A programming task of a data set."""

    task_id: str
    """The data set's name and a number: `Mbpp/11`, `HumanEval/0`."""
    prompt: str
    """What a model is shown."""
    reference: str | None
    """A whole program that solves the task, its line ends as they were in the file; None where there is none."""
    suite: Suite
    entry_point: str | None = None
    """The function the task asks for, where the data set names it."""
    prompt_is_code: bool = False
    """Whether the prompt begins the program, so that a completion goes on after it."""
    base_cases: int | None = None
    """How many cases, from the first, are those of the data set that this one extends; None where it extends none."""
    note: str = ""
    """What who reads the verdicts must know."""
    asserts: tuple[str, ...] = ()
    """The data set's own tests as it writes them, of which a prompt may show some."""
    ending: str = ""
    """Comes after every program that is graded, so that cases can call what isn't a function."""

    def complete(self, completion: str) -> str:
        """Make of what goes on after the prompt, where that is code, the program that is graded."""
        return self.whole(self.prompt + completion if self.prompt_is_code else completion)

    def whole(self, program: str) -> str:
        """Make of a whole program the one that is graded."""
        return program + self.ending


def load_tasks(path: Path, make: Callable[[Row], Task]) -> list[Task]:
    """Make a task of each row of a file, in order.

    Raises TaskFileError, for an id that is there twice too, in whatever case, and OSError when the file can't be read.
    """
    tasks: dict[str, Task] = {}
    for row in read_rows(path):
        task = make(row)
        if task.task_id.lower() in tasks:
            row.fail("task_id", f"{task.task_id} is there twice")
        tasks[task.task_id.lower()] = task
    return list(tasks.values())
