"""MathQA as MathQA-Python: questions with numbers, and programs that leave the result in `answer`.

A question becomes a task where its formula comes to the correct option, within 1 %: 2,822 of the 4,475 published dev
rows and 1,883 of the 2,985 test rows. Options are read as the published recipe reads them (see `first_fraction`).
"""

import math
import re
from pathlib import Path

from trialbox.client import Call, Suite
from trialbox.synthesis.tasks.mathqa_formula import FormulaError, first_fraction, numbers, solve
from trialbox.synthesis.tasks.rows import Row, TaskFileError, read_rows
from trialbox.synthesis.tasks.task import Task

TOLERANCE = 0.01
"""How far, relatively, an answer may be from the correct option."""

_READER = "answer_of_the_program"
# Cases call functions, and what they call runs apart from what is expected of it: hence a function that reads `answer`.
_ENDING = f"\n\n\ndef {_READER}():\n    return float(answer)\n"
_LETTERS = "abcde"
# Either `a ) 24 , b ) 120` or, as text too, `['a ) 24', 'b ) 120']`.
_OPTION = re.compile(r"""(?:^\s*|\[\s*['"]|\s,\s|['"],\s*['"])([a-e]) \)""")


def load_mathqa(path: Path) -> list[Task]:
    """Load the questions that convert, in the file's order; `MathQA/7` is the file's eighth row.

    Programs are graded by what they leave in `answer`, as a float, within TOLERANCE of the correct option. Verdicts are
    SEPARATED: each program gets a function behind it that returns `answer`, and the judge calls that. Raises
    TaskFileError, also where no row converts, and OSError when the file can't be read.
    """
    tasks: dict[str, Task] = {}
    for position, row in enumerate(read_rows(path)):
        task = _task(row, position)
        # The recipe drops what was asked before.
        if task is not None and task.prompt not in tasks:
            tasks[task.prompt] = task
    if not tasks:
        raise TaskFileError(f"{path}: no row's formula comes to its correct option")
    return list(tasks.values())


def _task(row: Row, position: int) -> Task | None:
    question, formula = row.text("Problem"), row.text("linear_formula")
    correct = _correct(row)
    given = numbers(question)
    try:
        solution = solve(formula, given)
    except FormulaError:
        return None
    if not correct or not solution.value or not math.isclose(correct, solution.value, rel_tol=TOLERANCE):
        return None
    answer = Call(_READER, expected=correct, relative_tolerance=TOLERANCE, name="answer")
    return Task(
        task_id=f"MathQA/{position}",
        prompt=" ".join([question, *(f"n{place} = {value}" for place, value in enumerate(given))]),
        reference=solution.source,
        suite=Suite([answer]),
        ending=_ENDING,
    )


def _correct(row: Row) -> float | None:
    """The number that the correct option begins with; None where it has none, as `none of these`."""
    options, letter = row.text("options"), row.text("correct")
    if letter not in tuple(_LETTERS):
        row.fail("correct", f"must be one of {', '.join(_LETTERS)}, not {letter!r}")
    starts = list(_OPTION.finditer(options))
    for start, end in zip(starts, [*(found.start() for found in starts[1:]), len(options)], strict=True):
        if start[1] == letter:
            return first_fraction(options[start.end() : end])
    row.fail("options", f"holds no option {letter!r}")
