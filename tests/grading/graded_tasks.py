"""The tasks that the programs beside this file are graded by, and two ways to write their tests.

Plain data, of the standard library only: the naive graders, which run as scripts, read it too. A cheat computes
something else than its task asks for, so it passes only where the grader is fooled.
"""

from dataclasses import dataclass

CANARY = "canary-5f0c1d7e9b3a48d2a6c4e8f01b7d92ce"
"""Found by its beginning, and by nothing that a program could compute."""

CANARY_NUMBER = 4242424242


@dataclass(frozen=True, slots=True)
class Example:
    """Arguments, and the value to be returned for them."""

    arguments: tuple[object, ...]
    expected: object


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a script is given on standard input, and what it must print."""

    stdin: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The tests of one task."""

    entry_point: str = "square_perimeter"
    examples: tuple[Example, ...] = ()
    tolerance: float | None = None
    """How far from the expected value floats may be; None means not at all."""
    oracle: str = ""
    """A trusted program that defines the entry point; the examples' own expected values then count for nothing."""
    setup: str = ""
    """Run after the program and before the checks."""
    checks: tuple[str, ...] = ()
    dialogues: tuple[Dialogue, ...] = ()

    def as_script(self) -> str:
        """The tests as published data sets write them: to be run after the program, in its own namespace."""
        lines = [self.setup] if self.setup else []
        if self.oracle:
            lines += ["reference_namespace = {}", f"exec({self.oracle!r}, reference_namespace)"]
            lines += [f"reference = reference_namespace[{self.entry_point!r}]"]
        for example in self.examples:
            arguments = ", ".join(map(repr, example.arguments))
            call = f"{self.entry_point}({arguments})"
            if self.oracle:
                # As differential graders do it: both are given the same objects.
                lines += [f"arguments = {example.arguments!r}"]
                lines += [f"assert {self.entry_point}(*arguments) == reference(*arguments)"]
            elif self.tolerance is not None:
                lines += [f"difference = {call} - {example.expected!r}"]
                lines += [f"if abs(difference) > {self.tolerance!r}: raise AssertionError"]
            else:
                lines += [f"assert {call} == {example.expected!r}"]
        return "\n".join([*lines, *self.checks])


_THREE, _TEN = Example((3,), 12), Example((10,), 40)
_CHECK = "assert square_perimeter(10) == 40"

TASKS = {
    "perimeter": Task(examples=(_THREE, _TEN, Example((25,), 100)), checks=(_CHECK,)),
    # For programs each case of which takes all the time there is.
    "perimeter_once": Task(examples=(_TEN,)),
    "perimeter_hidden": Task(examples=(_THREE, _TEN, Example((25,), 100), Example((1234,), 4936))),
    "perimeter_within": Task(
        examples=(Example((2.5,), 10.0), Example((0.1,), 0.4)),
        tolerance=1e-6,
        checks=("assert abs(square_perimeter(2.5) - 10.0) < 1e-6",),
    ),
    "perimeter_within_calls": Task(examples=(Example((2.5,), 10.0), Example((0.1,), 0.4)), tolerance=1e-6),
    "perimeter_isclose": Task(checks=("import math\nassert math.isclose(square_perimeter(2.5), 10.0)",)),
    "perimeter_mean": Task(checks=("import statistics\nassert statistics.mean([square_perimeter(2.5)]) == 10.0",)),
    "perimeter_mean_oracle": Task(
        examples=(_THREE, _TEN),
        oracle="import statistics\ndef square_perimeter(a):\n    return round(statistics.fmean([4 * a]))\n",
    ),
    "perimeter_setup": Task(
        setup="tolerance = 1e-6",
        checks=(
            "assert abs(square_perimeter(2.5) - 10.0) < tolerance",
            "assert abs(square_perimeter(0.1) - 0.4) < tolerance",
        ),
    ),
    "perimeter_mapped": Task(
        checks=("assert all(got == 4 * side for side, got in zip([3, 10], map(square_perimeter, [3, 10])))",)
    ),
    "perimeters": Task(
        entry_point="square_perimeters",
        examples=(Example(([1, 2, 3],), [4, 8, 12]), Example(([5],), [20])),
        checks=("assert square_perimeters([1, 2, 3]) == [4, 8, 12]",),
    ),
    "perimeters_once": Task(entry_point="square_perimeters", examples=(Example(([5],), [20]),)),
    "perimeters_oracle": Task(
        entry_point="square_perimeters",
        examples=(Example(([1, 2, 3],), None), Example(([5],), None)),
        oracle="def square_perimeters(sides):\n    return [4 * side for side in sides]\n",
    ),
    "in_place": Task(
        entry_point="grow",
        checks=("sides = [1, 2, 3]\ngrow(sides)\nassert sides == [4, 8, 12]",),
    ),
    "in_place_often": Task(
        entry_point="grow",
        checks=("for _ in range(50):\n    sides = [1, 2, 3]\n    grow(sides)\nassert sides == [4, 8, 12]",),
    ),
    "secret": Task(
        entry_point="secret",
        examples=(Example((), CANARY), Example((), CANARY)),
        checks=(f"assert secret() == {CANARY!r}",),
    ),
    "secret_number": Task(
        entry_point="secret",
        examples=(Example((), CANARY_NUMBER), Example((), CANARY_NUMBER)),
        checks=(f"assert secret() == {CANARY_NUMBER}",),
    ),
    "secret_oracle": Task(
        entry_point="secret",
        examples=(Example((), None), Example((), None)),
        oracle=f"def secret():\n    return {CANARY!r}\n",
    ),
    "dialogue": Task(dialogues=(Dialogue("3\n10\n", "12\n40\n"), Dialogue("25\n1\n", "100\n4\n"))),
}
