"""What callers write reaches the wire whole, and what the wire says is never read as more than it is."""

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.client import (
    Call,
    Check,
    Comparator,
    Comparison,
    Evaluation,
    InternalError,
    InvalidRequestError,
    IsolationPath,
    LayerState,
    Limits,
    MessageTooLargeError,
    Outcome,
    Program,
    Stdio,
    Suite,
    Trust,
    Usage,
    Verdict,
)
from trialbox.client._wire import answers, requests
from trialbox.client._wire.batches import evaluate_batch
from trialbox.client._wire.suites import SuiteIds
from trialbox.v1 import MAX_MESSAGE_BYTES, evaluation_pb2, execution_pb2, values
from trialbox.v1 import sandbox_service_pb2 as pb


def _execute(program: Program | str | bytes, limits: Limits | None = None, **options: Any) -> pb.ExecuteRequest:
    return requests.execute_request(program, limits=limits, **{"collect": (), "isolation": None, **options})


def _evaluate(program: Program | str | bytes, suite: Suite) -> pb.EvaluateRequest:
    options: dict[str, Any] = {"case_seconds": 2.5, "allow_shared": False, "fresh": True, "coverage": True}
    batch = evaluate_batch(SuiteIds(), limits=None, isolation="cold", **options)
    return batch.request_of((program, suite))


def test_every_field_of_a_program_is_sent() -> None:
    program = Program("pass", {"a": "x", "b": b"\xff"}, ["1", "2"], "in", {"K": "V"}, "python", 4)
    sent = _execute(program, collect=["out/*"], isolation=IsolationPath.WARM)
    assert sent.program == execution_pb2.Program(
        source=b"pass",
        files={"a": b"x", "b": b"\xff"},
        args=["1", "2"],
        stdin=b"in",
        env={"K": "V"},
        runtime="python",
        hash_seed=4,
    )
    assert list(sent.collect) == ["out/*"]
    assert sent.isolation == execution_pb2.ISOLATION_PATH_WARM
    assert len(sent.request_id) == 32


def test_a_seed_of_zero_is_sent_and_a_seed_left_out_is_not() -> None:
    assert _execute(Program("", hash_seed=0)).program.HasField("hash_seed")
    assert not _execute("").program.HasField("hash_seed")


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_a_limit_is_sent_as_given_and_only_then(name: str) -> None:
    sent = _execute("", Limits(**{name: 7})).limits
    assert [(field.name, value) for field, value in sent.ListFields()] == [(name, 7)]


def test_limits_that_the_server_will_refuse_still_reach_it() -> None:
    sent = _execute("", Limits(wall_seconds=math.nan, memory_bytes=0)).limits
    assert math.isnan(sent.wall_seconds)
    assert sent.HasField("memory_bytes")


@given(st.text(st.characters(codec=None)))
def test_text_is_sent_as_utf8_and_lone_surrogates_survive(source: str) -> None:
    assert _execute(source).program.source.decode("utf-8", "surrogatepass") == source


@pytest.mark.parametrize(
    ("program", "options", "field"),
    [
        (Program("", args="one string"), {}, "program.args"),
        (Program("", args=[1]), {}, "program.args"),  # type: ignore[list-item]
        (Program("", {"a": 1}), {}, "program.files"),  # type: ignore[dict-item]
        (Program("", env={"\ud800": ""}), {}, "program.env"),
        (Program("", hash_seed=-1), {}, "program.hash_seed"),
        (Program(3), {}, "program.source"),  # type: ignore[arg-type]
        (Program(""), {"collect": "out/*"}, "collect"),
        (Program(""), {"isolation": "tepid"}, "isolation"),
        (Program(""), {"limits": Limits(processes=-1)}, "limits.processes"),
        (Program(""), {"limits": Limits(memory_bytes=1e9)}, "limits.memory_bytes"),  # type: ignore[arg-type]
    ],
)
def test_what_a_message_cannot_carry_is_refused_by_its_field(program: Program, options: Any, field: str) -> None:
    with pytest.raises(InvalidRequestError, match=field) as raised:
        _execute(program, **options)
    assert [violation.field for violation in raised.value.violations] == [field]


def test_a_request_too_large_for_a_message_is_not_sent() -> None:
    with pytest.raises(MessageTooLargeError, match=str(MAX_MESSAGE_BYTES)) as raised:
        _execute(bytes(MAX_MESSAGE_BYTES))
    assert not raised.value.retryable


def test_every_kind_of_case_is_sent() -> None:
    sent = _evaluate(
        "p",
        Suite(
            [
                Call("f", (1, "a"), {"k": None}, expected=[2.0], name="exact"),
                Call("f", expected=0.5, absolute_tolerance=0.1),
                Call("f", oracle="b", comparator=Comparator.UNORDERED, shared=True),
                Call("f", oracle="a"),
                Call("f", oracle="b"),
                Check("assert f", "check", shared=True),
                Stdio("1", b"2", Comparison.TOKENS),
            ],
            setup="import math",
        ),
    )
    exact, near, unordered, first, second, check, stdio = sent.suite.cases
    assert list(sent.suite.oracles) == [b"b", b"a"]
    assert [case.call.oracle for case in (unordered, first, second)] == [0, 1, 0]
    assert [case.shared for case in sent.suite.cases] == [False, False, True, False, False, True, False]
    assert unordered.call.comparator.kind == evaluation_pb2.Comparator.KIND_UNORDERED
    assert sent.suite.setup == b"import math"
    assert (sent.case_seconds, sent.forbid_shared, sent.fresh, sent.coverage) == (2.5, True, True, True)
    assert (exact.name, exact.call.entry_point) == ("exact", "f")
    assert values.decode(exact.call.arguments) == (1, "a")
    assert values.decode(exact.call.keyword_arguments) == {"k": None}
    assert values.decode(exact.call.expected) == [2.0]
    assert exact.call.comparator.kind == evaluation_pb2.Comparator.KIND_EQUAL
    assert near.call.comparator == evaluation_pb2.Comparator(
        kind=evaluation_pb2.Comparator.KIND_EQUAL, absolute_tolerance=0.1
    )
    assert near.call.keyword_arguments == b""
    assert (check.name, check.check.source) == ("check", b"assert f")
    assert stdio.stdio == evaluation_pb2.StdioCase(
        stdin=b"1", expected=b"2", comparison=evaluation_pb2.StdioCase.COMPARISON_TOKENS
    )


@pytest.mark.parametrize(
    ("case", "field"),
    [
        (Call("f", expected=object(), name="odd"), "suite.cases[1].call.expected"),
        (Call("f", ([object()],), expected=1, name="odd"), "suite.cases[1].call.arguments"),
        (Call("f", kwargs={"k": object()}, expected=1, name="odd"), "suite.cases[1].call.keyword_arguments"),
    ],
)
def test_a_value_that_cannot_be_encoded_names_case_and_type(case: Call, field: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"'odd'.*object") as raised:
        _evaluate("", Suite([Check(""), case]))
    assert raised.value.violations[0].field == field


def test_what_is_no_case_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"suite\.cases\[0\]"):
        _evaluate("", Suite(["assert True"]))  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("words", "numbers", "prefix"),
    [
        (Outcome, execution_pb2.Outcome, "OUTCOME_"),
        (IsolationPath, execution_pb2.IsolationPath, "ISOLATION_PATH_"),
        (Verdict, evaluation_pb2.Verdict, "VERDICT_"),
        (Trust, evaluation_pb2.Trust, "TRUST_"),
        (Comparison, evaluation_pb2.StdioCase.Comparison, "COMPARISON_"),
        (LayerState, pb.LayerState, "LAYER_STATE_"),
    ],
)
def test_the_words_are_the_contract_s(words: Any, numbers: Any, prefix: str) -> None:
    assert [f"{prefix}UNSPECIFIED", *(prefix + word.name for word in words)] == numbers.keys()


@pytest.mark.parametrize(
    ("kind", "message"),
    [(Limits, execution_pb2.Limits), (Usage, execution_pb2.Usage), (Program, execution_pb2.Program)],
)
def test_the_fields_are_the_contract_s(kind: Any, message: Any) -> None:
    assert [field.name for field in dataclasses.fields(kind)] == [field.name for field in message.DESCRIPTOR.fields]


@pytest.mark.parametrize("outcome", [0, 99])
def test_an_outcome_that_nobody_knows_is_an_infrastructure_failure(outcome: Any) -> None:
    response = pb.ExecuteResponse(execution=execution_pb2.Execution(outcome=outcome))
    with pytest.raises(InternalError, match="outcome"):
        answers.execution(_execute(""), response)


def test_statuses_and_counters_left_out_are_none() -> None:
    response = pb.ExecuteResponse(execution=execution_pb2.Execution(outcome=execution_pb2.OUTCOME_SIGNALED, signal=0))
    execution = answers.execution(_execute(""), response)
    assert (execution.exit_code, execution.signal, execution.exception) == (None, 0, None)
    assert execution.usage.peak_processes is None
    assert execution.isolation.path is None


@pytest.mark.parametrize("told", [[], [0], [99]])
def test_a_verdict_that_is_absent_or_unknown_is_not_run_and_no_pass(told: list[Any]) -> None:
    cases = [
        evaluation_pb2.CaseResult(verdict=evaluation_pb2.VERDICT_PASSED),
        *(evaluation_pb2.CaseResult(verdict=verdict) for verdict in told),
    ]
    response = pb.EvaluateResponse(evaluation=evaluation_pb2.Evaluation(cases=cases))
    evaluation = answers.evaluation(_evaluate("", Suite([Check(""), Check("")])), response, 2)
    assert [case.verdict for case in evaluation.cases] == [Verdict.PASSED, Verdict.NOT_RUN]
    assert {case.trust for case in evaluation.cases} == {Trust.SHARED}
    assert not evaluation.passed


def test_more_verdicts_than_cases_are_an_infrastructure_failure() -> None:
    response = pb.EvaluateResponse(evaluation=evaluation_pb2.Evaluation(cases=[evaluation_pb2.CaseResult()] * 2))
    with pytest.raises(InternalError, match="2 verdicts for 1"):
        answers.evaluation(_evaluate("", Suite([Check("")])), response, 1)


def test_no_case_is_no_pass() -> None:
    assert not Evaluation(cases=()).passed


@pytest.mark.parametrize(
    ("wall_seconds", "seconds"),
    [(2.0, 62.0), (-5.0, 60.0), (math.nan, 60.0), (math.inf, 24 * 3600 + 60.0)],
)
def test_the_deadline_leaves_room_for_the_server_s_own_answer(wall_seconds: float, seconds: float) -> None:
    assert requests.given_deadline(None, Limits(wall_seconds=wall_seconds)) == seconds


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_a_deadline_that_nobody_can_keep_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidRequestError, match="deadline_seconds"):
        requests.given_deadline(seconds, None)
