"""What is no forging, and passes: tests that are too weak. And what is no suite."""

import pytest
from graded_tasks import TASKS
from suites import suite_of

from trialbox.client import Check, InvalidRequestError, Sandbox, Suite, Trust, Verdict


def test_a_suite_without_cases_is_refused(grader: Sandbox) -> None:
    with pytest.raises(InvalidRequestError, match=r"suite\.cases"):
        grader.evaluate("import os\nos._exit(0)\n", Suite([]))


def test_a_check_that_no_nan_fails_passes_for_nan(grader: Sandbox) -> None:
    weak = Check("if abs(square_perimeter(2.5) - 10.0) > 1e-6: raise AssertionError")
    source = "def square_perimeter(a):\n    return float('nan')\n"
    evaluation = grader.evaluate(source, Suite([weak, *suite_of(TASKS["perimeter_within_calls"]).cases]))
    assert [case.verdict for case in evaluation.cases] == [Verdict.PASSED, Verdict.FAILED, Verdict.FAILED]


def test_a_check_that_looks_at_what_the_program_changed_passes(grader: Sandbox) -> None:
    weak = Check(
        "sides = [1, 2, 3]\nanswer = square_perimeters(sides)\nassert answer == [4 * side for side in sides]\n"
    )
    source = "def square_perimeters(sides):\n    sides.clear()\n    return []\n"
    evaluation = grader.evaluate(source, Suite([weak, *suite_of(TASKS["perimeters_oracle"]).cases]))
    assert [case.verdict for case in evaluation.cases] == [Verdict.PASSED, Verdict.FAILED, Verdict.FAILED]
    assert {case.trust for case in evaluation.cases} == {Trust.SEPARATED}
