"""Why a program fails is told by its verdicts; what it claims only chooses among run-time errors."""

import pytest
from kept_runs import PASSED

from trialbox.client import CaseResult, Evaluation, ProgramException, Verdict
from trialbox.synthesis.store import ErrorClass, error_class


def case(verdict: Verdict, exception: str | None = None) -> CaseResult:
    return CaseResult(verdict=verdict, exception=None if exception is None else ProgramException(type=exception))


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ([PASSED, PASSED], None),
        ([PASSED, case(Verdict.FAILED)], ErrorClass.WRONG_RESULT),
        ([case(Verdict.TIMED_OUT), case(Verdict.NOT_RUN)], ErrorClass.TIME_OUT),
        ([PASSED, case(Verdict.NOT_RUN)], ErrorClass.TIME_OUT),
        ([case(Verdict.OUT_OF_MEMORY)], ErrorClass.MEMORY),
        ([case(Verdict.ERROR, "SyntaxError")] * 2, ErrorClass.SYNTAX),
        ([case(Verdict.ERROR, "IndentationError")], ErrorClass.SYNTAX),
        ([case(Verdict.ERROR, "TypeError"), case(Verdict.FAILED)], ErrorClass.TYPE),
        ([case(Verdict.ERROR, "NameError")], ErrorClass.OTHER_RUNTIME),
        ([case(Verdict.ERROR)], ErrorClass.OTHER_RUNTIME),
        # What a program raises is its own claim, and changes nothing where the verdict is no error.
        ([case(Verdict.FAILED, "SyntaxError")], ErrorClass.WRONG_RESULT),
        ([case(Verdict.TIMED_OUT, "TypeError")], ErrorClass.TIME_OUT),
        ([case(Verdict.PASSED, "TypeError")], None),
    ],
)
def test_the_first_case_that_did_not_pass_decides(cases: list[CaseResult], told: ErrorClass | None) -> None:
    assert error_class(Evaluation(cases=tuple(cases))) is told


def test_every_verdict_has_a_class() -> None:
    for verdict in set(Verdict) - {Verdict.PASSED}:
        assert error_class(Evaluation(cases=(case(verdict),))) is not None
