"""A suite is cases or a list of what is wrong with it: field, value and allowed range."""

import math
from typing import Any

import pytest
from checked_requests import (
    CHECK,
    evaluation,
    violation,
)

from trialbox.server.grading import Check, Comparison, Stdio
from trialbox.v1 import values
from trialbox.v1.evaluation_pb2 import CallCase, Case, Comparator, StdioCase, Suite
from trialbox.v1.sandbox_service_pb2 import EvaluateRequest


def test_a_suite_of_no_cases_is_refused() -> None:
    for request in (EvaluateRequest(), EvaluateRequest(suite=Suite(setup=b"x = 1"))):
        found = violation(request)
        assert found.field == "suite.cases"
        assert found.description.startswith("holds 0 cases; the allowed range is 1 to ")


def test_a_case_of_no_kind_is_refused_by_its_place() -> None:
    found = violation(EvaluateRequest(suite=Suite(cases=[CHECK, Case(name="empty")])))
    assert found.field == "suite.cases[1]"


def test_checks_and_stdio_cases_are_passed_on_in_order() -> None:
    kinds = (StdioCase.COMPARISON_UNSPECIFIED, StdioCase.COMPARISON_BYTES, StdioCase.COMPARISON_TOKENS)
    cases = [Case(stdio=StdioCase(stdin=b"i", expected=b"e", comparison=kind)) for kind in kinds]
    job = evaluation(EvaluateRequest(suite=Suite(cases=[CHECK, *cases], setup=b"s"), fresh=True, forbid_shared=True))
    assert job.cases == (
        Check(source=b"assert True"),
        Stdio(stdin=b"i", expected=b"e", comparison=Comparison.LINES),
        Stdio(stdin=b"i", expected=b"e", comparison=Comparison.BYTES),
        Stdio(stdin=b"i", expected=b"e", comparison=Comparison.TOKENS),
    )
    assert (job.setup, job.fresh, job.forbid_shared) == (b"s", True, True)


def test_an_unknown_comparison_is_refused() -> None:
    stdio = StdioCase(comparison=99)  # type: ignore[arg-type]
    found = violation(EvaluateRequest(suite=Suite(cases=[Case(stdio=stdio)])))
    assert found.field == "suite.cases[0].stdio.comparison"


def call(**changes: Any) -> EvaluateRequest:
    """A request with one Call, right but for the changes."""
    fields: dict[str, Any] = {"entry_point": "f", "arguments": values.encode((1, 2)), "expected": values.encode(3)}
    return EvaluateRequest(suite=Suite(cases=[Case(call=CallCase(**fields | changes))]))


def test_a_call_is_passed_on_as_it_came() -> None:
    comparator = Comparator(kind=Comparator.KIND_APPROXIMATE, relative_tolerance=1e-6, absolute_tolerance=1e-9)
    keywords = values.encode({"k": 1})
    (case,) = evaluation(call(keyword_arguments=keywords, comparator=comparator)).cases
    assert not isinstance(case, Check | Stdio)
    assert (case.entry_point, case.keyword_arguments) == ("f", keywords)
    assert (case.relative_tolerance, case.absolute_tolerance) == (1e-6, 1e-9)


@pytest.mark.parametrize("name", ["arguments", "keyword_arguments", "expected"])
@pytest.mark.parametrize("encoded", [b"\xff", b"not a value", b"\x00" * 9])
def test_a_value_that_can_not_be_decoded_is_refused(name: str, encoded: bytes) -> None:
    found = violation(call(**{name: encoded}))
    assert found.field == f"suite.cases[0].call.{name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("arguments", [1]), ("arguments", 1), ("keyword_arguments", ("k",)), ("keyword_arguments", {1: 2})],
)
def test_a_value_of_the_wrong_type_is_refused(name: str, value: object) -> None:
    found = violation(call(**{name: values.encode(value)}))
    assert found.field == f"suite.cases[0].call.{name}"


@pytest.mark.parametrize("entry_point", ["", "f()", "a.b", "1f", "f " * 1000])
def test_an_entry_point_is_a_name(entry_point: str) -> None:
    found = violation(call(entry_point=entry_point))
    assert found.field == "suite.cases[0].call.entry_point"


@pytest.mark.parametrize("tolerance", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["relative_tolerance", "absolute_tolerance"])
def test_a_tolerance_is_finite_and_not_negative(name: str, tolerance: float) -> None:
    comparator = Comparator(kind=Comparator.KIND_APPROXIMATE, **{name: tolerance})
    found = violation(call(comparator=comparator))
    assert found.field == f"suite.cases[0].call.comparator.{name}"
