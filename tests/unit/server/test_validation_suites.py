"""A suite is cases or a list of what is wrong with it: field, value and allowed range."""

import math
import tracemalloc
from typing import Any

import pytest
from checked_requests import (
    CHECK,
    evaluation,
    validator,
    violation,
)

from trialbox.server.grading import Call, Check, Comparison, Rule, Stdio
from trialbox.server.suites import UnknownSuiteError
from trialbox.server.validation import InvalidRequestError
from trialbox.v1 import values
from trialbox.v1.evaluation_pb2 import CallCase, Case, CheckCase, Comparator, StdioCase, Suite
from trialbox.v1.sandbox_service_pb2 import EvaluateRequest


def test_a_suite_of_no_cases_is_refused() -> None:
    for request in (EvaluateRequest(), EvaluateRequest(suite=Suite(setup=b"x = 1"))):
        found = violation(request)
        assert found.field == "suite.cases"
        assert found.description.startswith("holds 0 cases; the allowed range is 1 to ")


def test_more_oracles_than_cases_may_be_are_refused() -> None:
    found = violation(EvaluateRequest(suite=Suite(cases=[CHECK], oracles=[b""] * 10_001)))
    assert (found.field, found.description) == (
        "suite.oracles",
        "holds 10001 oracles; the allowed range is 0 to 10000",
    )


def test_of_far_too_many_cases_none_is_looked_at() -> None:
    count = 2_000_000
    request = EvaluateRequest(suite=Suite.FromString(b"\x0a\0" * count))
    tracemalloc.start()
    try:
        found = violation(request)
        assert tracemalloc.get_traced_memory()[1] < count
    finally:
        tracemalloc.stop()
    assert found.description == f"holds {count} cases; the allowed range is 1 to 10000"


def test_a_case_of_no_kind_is_refused_by_its_place() -> None:
    found = violation(EvaluateRequest(suite=Suite(cases=[CHECK, Case(name="empty")])))
    assert found.field == "suite.cases[1]"


def test_checks_and_stdio_cases_are_passed_on_in_order() -> None:
    kinds = (StdioCase.COMPARISON_UNSPECIFIED, StdioCase.COMPARISON_BYTES, StdioCase.COMPARISON_TOKENS)
    cases = [Case(stdio=StdioCase(stdin=b"i", expected=b"e", comparison=kind)) for kind in kinds]
    shared = Case(check=CheckCase(source=b"live"), shared=True)
    job = evaluation(EvaluateRequest(suite=Suite(cases=[CHECK, shared, *cases], setup=b"s")))
    assert job.suite.setup == b"s"
    assert job.suite.cases == (
        Check(source=b"assert True"),
        Check(source=b"live", shared=True),
        Stdio(stdin=b"i", expected=b"e", comparison=Comparison.LINES),
        Stdio(stdin=b"i", expected=b"e", comparison=Comparison.BYTES),
        Stdio(stdin=b"i", expected=b"e", comparison=Comparison.TOKENS),
    )


@pytest.mark.parametrize("option", ["fresh", "forbid_shared", "coverage"])
def test_what_was_asked_for_is_passed_on_and_nothing_else(option: str) -> None:
    options: dict[str, Any] = {option: True}
    job = evaluation(EvaluateRequest(suite=Suite(cases=[CHECK]), **options))
    assert {name for name in ("fresh", "forbid_shared", "coverage") if getattr(job, name)} == {option}


def test_an_unknown_comparison_is_refused() -> None:
    stdio = StdioCase(comparison=99)  # type: ignore[arg-type]
    found = violation(EvaluateRequest(suite=Suite(cases=[Case(stdio=stdio)])))
    assert found.field == "suite.cases[0].stdio.comparison"


def call(**changes: Any) -> EvaluateRequest:
    """A request with one Call, right but for the changes; `shared` and `oracles` stand outside it."""
    shared, oracles = changes.pop("shared", False), changes.pop("oracles", ())
    fields: dict[str, Any] = {"entry_point": "f", "arguments": values.encode((1, 2))}
    if "oracle" not in changes:
        fields["expected"] = values.encode(3)
    case = Case(call=CallCase(**fields | changes), shared=shared)
    return EvaluateRequest(suite=Suite(cases=[case], oracles=oracles))


def checked_call(request: EvaluateRequest) -> Call:
    (case,) = evaluation(request).suite.cases
    assert isinstance(case, Call)
    return case


def test_a_call_is_passed_on_as_it_came() -> None:
    comparator = Comparator(kind=Comparator.KIND_UNORDERED, relative_tolerance=1e-6, absolute_tolerance=1e-9)
    arguments, keywords, expected = values.encode((1, 2)), values.encode({"k": 1}), values.encode(3)
    assert checked_call(call(keyword_arguments=keywords, comparator=comparator)) == Call(
        entry_point="f",
        arguments=arguments,
        keyword_arguments=keywords,
        expected=expected,
        rule=Rule.UNORDERED,
        relative_tolerance=1e-6,
        absolute_tolerance=1e-9,
    )
    assert checked_call(call(shared=True)).shared
    assert checked_call(call()) == Call(
        entry_point="f", arguments=arguments, keyword_arguments=b"", expected=expected, rule=Rule.EQUAL
    )


@pytest.mark.parametrize("kind", Comparator.Kind.keys()[1:])
def test_every_rule_of_the_contract_is_known(kind: str) -> None:
    case = checked_call(call(comparator=Comparator(kind=Comparator.Kind.Value(kind))))
    assert case.rule.name == kind.removeprefix("KIND_")


def test_an_unknown_rule_is_refused() -> None:
    found = violation(call(comparator=Comparator(kind=99)))  # type: ignore[arg-type]
    assert found.field == "suite.cases[0].call.comparator.kind"
    assert found.description.startswith("is 99; EQUAL, UNORDERED, ")


def test_a_call_of_an_oracle_has_no_expected_value() -> None:
    request = call(oracles=(b"first", b"second"), oracle=1)
    case = checked_call(request)
    assert (case.oracle, case.expected) == (1, None)
    assert evaluation(request).suite.oracles == (b"first", b"second")


@pytest.mark.parametrize(("oracle", "oracles"), [(0, ()), (1, (b"first",)), (2**32 - 1, (b"first",))])
def test_an_oracle_is_one_that_the_suite_has(oracle: int, oracles: tuple[bytes, ...]) -> None:
    found = violation(call(oracle=oracle, oracles=oracles))
    assert found.field == "suite.cases[0].call.oracle"
    assert found.description == f"is {oracle}; the suite has {len(oracles)} oracles, counted from 0"


def test_a_shared_case_takes_no_oracle() -> None:
    found = violation(call(shared=True, oracles=(b"first",), oracle=0))
    assert found.field == "suite.cases[0].call.oracle"


def test_a_suite_that_was_sent_once_is_known_by_its_id_and_not_checked_again() -> None:
    checks = validator()
    sent = checks.evaluation(call()).suite
    assert len(sent.suite_id) == 32
    assert checks.evaluation(EvaluateRequest(suite_id=sent.suite_id)).suite == sent
    assert checks.evaluation(call()).suite is checks.evaluation(EvaluateRequest(suite_id=sent.suite_id)).suite
    assert checks.evaluation(call(entry_point="g")).suite.suite_id != sent.suite_id


def test_a_suite_that_is_not_known_is_told_so_by_its_id() -> None:
    with pytest.raises(UnknownSuiteError, match="0102"):
        evaluation(EvaluateRequest(suite_id=b"\1\2"))


def test_a_suite_that_was_refused_is_not_known() -> None:
    checks = validator()
    wrong, right = call(entry_point="1f"), call()
    for _ in range(2):
        with pytest.raises(InvalidRequestError):
            checks.evaluation(wrong)
    assert checks.evaluation(right).suite.cases


def test_a_suite_is_kept_though_another_part_of_its_request_is_refused() -> None:
    checks = validator()
    request = call()
    request.case_seconds = -1
    with pytest.raises(InvalidRequestError, match="case_seconds"):
        checks.evaluation(request)
    known = checks.evaluation(call()).suite
    assert checks.evaluation(EvaluateRequest(suite_id=known.suite_id)).suite is known


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
    comparator = Comparator(**{name: tolerance})  # type: ignore[arg-type]
    found = violation(call(comparator=comparator))
    assert found.field == f"suite.cases[0].call.comparator.{name}"
