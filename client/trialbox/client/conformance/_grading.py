"""Programs graded on suites."""

from typing import Final

from trialbox.client._errors import InvalidRequestError
from trialbox.client._requests import Call, Check, Limits, Stdio, Suite
from trialbox.client._results import CaseResult, Evaluation, Verdict
from trialbox.client.conformance._script import SCRIPT, Box, refusal

_SOME_LIMITS: Final = Limits(wall_seconds=10, memory_bytes=256 * 1024 * 1024)
SUITE: Final = Suite(
    [
        Call("add", (1, 2), expected=3, name="call"),
        Check("assert add(0, 0) == 0", name="check"),
        Stdio(stdin="1 2", expected="3\n", name="stdio"),
    ]
)


def _verdicts(*verdicts: Verdict) -> Evaluation:
    why = {Verdict.PASSED: ""}
    return Evaluation(cases=tuple(CaseResult(verdict=it, message=why.get(it, "as scripted")) for it in verdicts))


def a_right_program_passes(box: Box) -> None:
    """Every kind of case passes, in the suite's order."""
    evaluation = box.evaluate(RIGHT, SUITE, limits=_SOME_LIMITS)
    assert [case.verdict for case in evaluation.cases] == [Verdict.PASSED] * 3, evaluation.cases
    assert evaluation.passed
    assert evaluation.request_id


_MAIN: Final = "\nif __name__ == '__main__':\n    print(add(*map(int, input().split())))"
RIGHT: Final = "def add(a, b): return a + b" + _MAIN
SCRIPT[RIGHT] = _verdicts(*[Verdict.PASSED] * 3)


def a_wrong_program_fails_with_both_values(box: Box) -> None:
    """FAILED tells what was expected and what came."""
    evaluation = box.evaluate(_WRONG, Suite([*SUITE.cases, Call("add", (2, 2), expected=4)]))
    call, check, stdio, right = evaluation.cases
    assert (call.verdict, call.expected, call.actual) == (Verdict.FAILED, "3", "2")
    assert (check.verdict, right.verdict) == (Verdict.PASSED, Verdict.PASSED)
    assert stdio.verdict is Verdict.FAILED
    assert not evaluation.passed


_WRONG: Final = "def add(a, b): return a * b" + _MAIN
SCRIPT[_WRONG] = Evaluation(
    cases=(
        CaseResult(verdict=Verdict.FAILED, expected="3", actual="2"),
        CaseResult(verdict=Verdict.PASSED),
        CaseResult(verdict=Verdict.FAILED),
        CaseResult(verdict=Verdict.PASSED),
    )
)


def a_case_that_hangs_or_dies_takes_no_other_with_it(box: Box) -> None:
    """Each case gets its own verdict, before and after the one that went wrong."""
    suite = Suite([Call("f", (kind,), expected=kind) for kind in ("ok", "raise", "ok", "hang", "exit", "ok")])
    evaluation = box.evaluate(_MIXED, suite, case_seconds=0.5)
    assert [case.verdict for case in evaluation.cases] == list(_MIXED_VERDICTS), evaluation.cases
    assert all(case.message for case in evaluation.cases if case.verdict is not Verdict.PASSED)


_MIXED: Final = (
    "import os\n"
    "def f(kind):\n"
    "    if kind == 'raise': raise KeyError(kind)\n"
    "    if kind == 'exit': os._exit(0)\n"
    "    while kind == 'hang': pass\n"
    "    return kind"
)
_MIXED_VERDICTS: Final = (
    Verdict.PASSED,
    Verdict.ERROR,
    Verdict.PASSED,
    Verdict.TIMED_OUT,
    Verdict.ERROR,
    Verdict.PASSED,
)
SCRIPT[_MIXED] = _verdicts(*_MIXED_VERDICTS)


def leaving_early_is_no_pass(box: Box) -> None:
    """A program that exits with status 0 before any case was judged has passed none."""
    evaluation = box.evaluate(_LEAVES, Suite(SUITE.cases[:2]))
    assert not evaluation.passed
    assert Verdict.PASSED not in [case.verdict for case in evaluation.cases]


_LEAVES: Final = "raise SystemExit(0)"
SCRIPT[_LEAVES] = _verdicts(Verdict.ERROR, Verdict.ERROR)


def floats_are_compared_by_the_tolerance_given(box: Box) -> None:
    """Exactly where none is given."""
    suite = Suite([Call("f", expected=[0.3]), Call("f", expected=[0.3], relative_tolerance=1e-9)])
    evaluation = box.evaluate(FLOATS, suite)
    assert [case.verdict for case in evaluation.cases] == [Verdict.FAILED, Verdict.PASSED]


FLOATS: Final = "def f(): return [0.1 + 0.2]"
SCRIPT[FLOATS] = _verdicts(Verdict.FAILED, Verdict.PASSED)


def a_suite_without_cases_is_refused(box: Box) -> None:
    """There is nothing that a program could pass."""
    error = refusal(lambda: box.evaluate(_NO_CASES, Suite([])))
    assert [violation.field for violation in error.violations] == ["suite.cases"]


_NO_CASES: Final = "# graded by nothing"
SCRIPT[_NO_CASES] = InvalidRequestError.of_field("suite.cases", "as scripted")


def a_limit_that_means_nothing_to_an_evaluation_is_refused(box: Box) -> None:
    """What is silent there is the judge's business."""
    error = refusal(lambda: box.evaluate(_SILENT, SUITE, limits=Limits(no_output_seconds=1)))
    assert [violation.field for violation in error.violations] == ["limits.no_output_seconds"]


_SILENT: Final = "# graded in silence"
SCRIPT[_SILENT] = InvalidRequestError.of_field("limits.no_output_seconds", "as scripted")


def a_value_that_cannot_be_sent_is_refused(box: Box) -> None:
    """The error names the case and the type."""
    suite = Suite([SUITE.cases[0], Call("add", expected=box, name="the odd one")])
    error = refusal(lambda: box.evaluate(RIGHT, suite))
    assert [violation.field for violation in error.violations] == ["suite.cases[1].call.expected"]
    assert "the odd one" in str(error)
    assert type(box).__name__ in str(error)
