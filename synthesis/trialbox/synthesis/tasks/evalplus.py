"""MBPP+ and HumanEval+: evalplus's extended tests, as calls whose answers a trusted solution gives.

Each task has the inputs of the data set it extends (base) and those that evalplus added (plus); base cases come first.
Some tasks are compared by rules of their own, which evalplus keeps in its code rather than in the files.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trialbox.client import Call, Case, Check, Comparator, Suite
from trialbox.synthesis.tasks.mbpp_inputs import mbpp_arguments
from trialbox.synthesis.tasks.rows import Row
from trialbox.synthesis.tasks.task import Task, load_tasks

_COMPARATORS = {
    # The order and number of items are left open by these tasks.
    **dict.fromkeys((f"Mbpp/{number}" for number in (2, 7, 111, 140, 232, 249, 579, 769)), Comparator.EVALPLUS_SET),
    # These ask for a match of a pattern, and say not in what form.
    **dict.fromkeys((f"Mbpp/{number}" for number in (737, 787, 794)), Comparator.EVALPLUS_NOT_NONE),
    "HumanEval/32": Comparator.EVALPLUS_ROOT,
}

_NO_EXTENDED_ORACLE = dict.fromkeys(
    ("Mbpp/164", "Mbpp/295"),
    "no extended oracle: evalplus accepts one and the same answer to any input, so only MBPP's own asserts are run",
)


_Arguments = Callable[[int, Sequence[Any]], tuple[Any, ...]]
_Write = Callable[[tuple[Any, ...], str], Case]


def load_mbpp_plus(path: Path) -> list[Task]:
    """Load MBPP+ tasks in the file's order.

    Raises TaskFileError, and OSError when the file can't be read.
    """
    return load_tasks(path, lambda row: _task(row, "Mbpp", mbpp_arguments))


def load_humaneval_plus(path: Path) -> list[Task]:
    """Load HumanEval+ tasks in the file's order.

    Raises TaskFileError, and OSError when the file can't be read.
    """
    return load_tasks(path, lambda row: _task(row, "HumanEval", lambda _, values: tuple(values)))


def _task(row: Row, data_set: str, arguments: _Arguments) -> Task:
    task_id, prompt, entry_point = row.text("task_id"), row.text("prompt"), row.function_name("entry_point")
    name, _, digits = task_id.partition("/")
    if name != data_set or not digits.isdecimal():
        row.fail("task_id", f"must be {data_set}/ and a whole number, not {task_id!r}")
    number = row.number("task_id", digits)
    reference = prompt + row.text("canonical_solution")
    note = _NO_EXTENDED_ORACLE.get(task_id, "")
    if note:
        base: list[Case] = [Check(row.text("assertion"), name="base/0")]
        plus: list[Case] = []
    else:
        write = _case_writer(task_id, entry_point, reference, row.tolerance("atol"))
        base, plus = (
            [
                write(args, f"{group}/{position}")
                for position, args in enumerate(_inputs(row, f"{group}_input", number, arguments))
            ]
            for group in ("base", "plus")
        )
    if not base:
        row.fail("base_input", "holds no inputs")
    return Task(
        task_id=task_id,
        prompt=prompt,
        reference=reference,
        suite=Suite([*base, *plus]),
        entry_point=entry_point,
        prompt_is_code=True,
        base_cases=len(base),
        note=note,
    )


def _inputs(row: Row, field: str, number: int, arguments: _Arguments) -> list[tuple[Any, ...]]:
    # Mbpp/793 has an empty object where it means an empty list.
    inputs = [] if row.fields.get(field) == {} else row.lists(field)
    found = []
    for position, values in enumerate(inputs):
        try:
            found.append(arguments(number, values))
        except (TypeError, ValueError, AttributeError) as error:
            row.fail(f"{field}[{position}]", f"is not as the inputs of this task are: {error}")
    return found


def _case_writer(task_id: str, entry_point: str, reference: str, absolute_tolerance: float) -> _Write:
    if task_id in _TWO_READINGS:
        answers = _TWO_READINGS[task_id]
        return lambda args, name: Check(f"assert {entry_point}{args!r} in {answers(*args)!r}", name=name)
    comparator = _COMPARATORS.get(task_id, Comparator.EVALPLUS)
    return lambda args, name: Call(
        entry_point,
        args,
        oracle=reference,
        comparator=comparator,
        absolute_tolerance=absolute_tolerance or None,
        name=name,
    )


def _digit_distances(first: int, second: int) -> tuple[int, int]:
    """Digit by digit: cut to the shorter number's length, as the solution does, or filled up with zeros on the left."""
    width = max(len(str(first)), len(str(second)))
    cut = zip(str(first), str(second), strict=False)
    filled = zip(str(first).zfill(width), str(second).zfill(width), strict=True)
    return _distance(cut), _distance(filled)


def _distance(pairs: "zip[tuple[str, str]]") -> int:
    return sum(abs(int(one) - int(other)) for one, other in pairs)


def _pyramid_surfaces(edge: float, height: float) -> tuple[float, float]:
    """The height taken along a side, as the solution does, or upright and the surface rounded."""
    upright = edge**2 + 2 * edge * math.hypot(edge / 2, height)
    return edge**2 + 2 * edge * height, round(upright)


_TWO_READINGS: dict[str, Callable[..., tuple[float, float]]] = {
    "Mbpp/558": _digit_distances,
    "Mbpp/581": _pyramid_surfaces,
}
"""Tasks that can be read in two ways, and the answers that are right for given arguments."""
