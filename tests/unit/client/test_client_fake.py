"""The fake answers as written, and never in silence."""

import pytest

from trialbox.client import (
    CallCancelledError,
    Check,
    Evaluation,
    Execution,
    FakeCall,
    FakeSandbox,
    Limits,
    Outcome,
    Program,
    QueueFullError,
    SandboxError,
    Suite,
)

_DONE = Execution(outcome=Outcome.SUCCEEDED, stdout=b"1\n")


def test_answers_come_by_source_and_calls_are_kept() -> None:
    box = FakeSandbox({"print(1)": _DONE})
    execution = box.run("print(1)", stdin=b"x", limits=Limits(wall_seconds=1))
    assert execution.stdout == b"1\n"
    assert execution.request_id
    assert box.calls == [FakeCall(program=Program("print(1)", stdin=b"x"), limits=Limits(wall_seconds=1))]


@pytest.mark.parametrize("written", ["print('ä')", "print('ä')".encode()])
@pytest.mark.parametrize("given", ["print('ä')", "print('ä')".encode()])
def test_text_and_its_bytes_are_one_program(written: str | bytes, given: str | bytes) -> None:
    assert FakeSandbox({written: _DONE}).run(given).stdout == b"1\n"


def test_a_program_that_is_no_text_is_found_too() -> None:
    box = FakeSandbox({b"\xff": _DONE, "\ud800": _DONE})
    assert [box.run(source).outcome for source in (b"\xff", "\ud800")] == [Outcome.SUCCEEDED] * 2
    with pytest.raises(LookupError, match="xfe"):
        box.run(b"\xfe")


def test_a_function_may_make_the_answers() -> None:
    box = FakeSandbox(lambda call: Evaluation(cases=()) if call.suite else _DONE)
    assert box.run("").outcome is Outcome.SUCCEEDED
    assert not box.evaluate("", Suite([Check("")])).passed


def test_a_program_without_an_answer_is_a_mistake_in_the_test() -> None:
    with pytest.raises(LookupError, match="2"):
        FakeSandbox({"print(1)": _DONE}).run("print(2)")


def test_an_answer_of_the_wrong_kind_is_a_mistake_in_the_test() -> None:
    with pytest.raises(LookupError, match="Evaluation"):
        FakeSandbox({"": _DONE}).evaluate("", Suite([]))


def test_errors_are_raised_each_time_anew() -> None:
    box = FakeSandbox({"a": QueueFullError("full", retryable=True), "b": _DONE})
    errors: list[SandboxError] = []
    executions = list(box.run_many(["a", "b", "a"], on_error=errors.append))
    assert [execution.index for execution in executions] == [1]
    assert [error.index for error in errors] == [0, 2]
    assert errors[0].request_id != errors[1].request_id


def test_a_closed_fake_says_so() -> None:
    with FakeSandbox({}) as box:
        pass
    with pytest.raises(CallCancelledError):
        box.run("")
