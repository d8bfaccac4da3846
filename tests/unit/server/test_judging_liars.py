"""Candidates that say what no candidate would, and suites that no client would write: each case gets its verdict."""

import socket
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
from judge_stage import ECHO, Ended, JudgeStage, PlayedCandidate, call, check, names, verdicts

from trialbox.server.grading import Call, Check, Rule
from trialbox.server.guest import frames
from trialbox.server.guest.channel import GIVEN_UP, LOADED, RAISED, UNFIT, VALUE
from trialbox.v1 import values


def _says(kind: int, *fields: bytes) -> Callable[[PlayedCandidate], object]:
    return lambda candidate: candidate.says(kind, *fields)


_BEFORE_LOADED: dict[str, tuple[Callable[[PlayedCandidate], object], str]] = {
    "an answer": (_says(VALUE, values.encode(1)), "neither loaded nor failed to"),
    "unfit": (_says(UNFIT, b"why"), "neither loaded nor failed to"),
    "an unknown kind": (_says(200), "neither loaded nor failed to"),
    "a failure that is none": (_says(RAISED, b"garbage"), "no exception"),
    "garbage": (lambda candidate: candidate.end.sendall(b"\xff" * 100), "a message of 4294967295 bytes"),
    "the end of what it says": (lambda candidate: candidate.end.shutdown(socket.SHUT_WR), "the process is gone"),
}


@pytest.mark.parametrize("name", _BEFORE_LOADED)
def test_a_candidate_that_neither_loads_nor_fails_to_is_lost(name: str) -> None:
    says, why = _BEFORE_LOADED[name]
    with JudgeStage(call("f", expected=1)) as stage, closing(PlayedCandidate(stage)) as candidate:
        says(candidate)
        assert stage.until("lost") == [[b"lost", why.encode()]]


_AFTER_LOADED: dict[str, tuple[Callable[[PlayedCandidate], object], str]] = {
    "loaded again": (_says(LOADED), "no answer to a call"),
    "an unknown kind": (_says(200, values.encode(1)), "no answer to a call"),
    "no value": (_says(VALUE, b"\xff"), "no value: unknown tag 0xff"),
    "an exception that is none": (_says(RAISED, b"garbage"), "no exception"),
    "garbage": (lambda candidate: candidate.end.sendall(bytes(100)), "a message of 0 bytes"),
    "half an answer": (lambda candidate: candidate.says_half(), "the process is gone"),
}


@pytest.mark.parametrize("name", _AFTER_LOADED)
@pytest.mark.parametrize("case", [call("f", [1], expected=1), check("assert f([1]) == 1")], ids=["call", "check"])
def test_a_candidate_that_says_something_other_than_an_answer_is_lost(name: str, case: Call | Check) -> None:
    says, why = _AFTER_LOADED[name]
    with JudgeStage(case, call("f", 1, expected=1)) as stage:
        with closing(PlayedCandidate(stage)) as candidate:
            candidate.says_loaded()
            says(candidate)
            lost = stage.until("lost")
            assert names(lost) == ["loaded", "lost"]
            assert lost[-1][1].decode().startswith(why)
        stage.start_candidate(ECHO, GIVEN_UP)
        assert [record[:3] for record in stage.until("done")] == [[b"loaded"], [b"end", b"1", b"PASSED"], [b"done"]]


_LONG = r"\xff" * 500
_HINT = "; a test of live objects must say shared=True"


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        (UNFIT, b"", Ended(verdict="FAILED", expected="1", message=f"gave what can't cross: {_HINT}")),
        (
            UNFIT,
            b"1" + b"\xff" * 20_000,
            Ended(verdict="FAILED", expected="1", message=f"gave what can't cross: {_LONG}"[:2000] + "…"),
        ),
        (RAISED, frames.pack(b"K", b"m", b"-5", b"ValueError", b""), Ended(verdict="ERROR", kind="K", text="m")),
        (RAISED, frames.pack(b"K", b"m", b"9" * 50, b"", b""), Ended(verdict="ERROR", kind="K", text="m", line=2**31)),
        (RAISED, frames.pack(b"K", b"", b"1", b"MemoryError", b""), Ended(verdict="OUT_OF_MEMORY", kind="K", line=1)),
        (
            RAISED,
            frames.pack(b"", b"m" * 9000, b"1", b"\xff", b""),
            Ended(verdict="ERROR", text="m" * 2000 + "…", line=1),
        ),
    ],
    ids=["unfit for nothing", "unfit for a lot", "line before all", "line after all", "memory", "long"],
)
def test_a_candidate_can_say_odd_things_and_get_a_verdict(kind: int, content: bytes, told: Ended) -> None:
    with JudgeStage(call("f", expected=1)) as stage, closing(PlayedCandidate(stage)) as candidate:
        candidate.says_loaded()
        candidate.says(kind, content)
        ended = Ended.of(stage.until("end")[-1][2:])
    assert Ended(**{key: getattr(ended, key) for key in Ended.__slots__ if key != "nanoseconds"}) == told


def test_an_answer_with_nothing_in_it_is_not_to_be_swallowed_either() -> None:
    case = check("try:\n    f(1) + 1\nexcept BaseException:\n    pass")
    with JudgeStage(case) as stage, closing(PlayedCandidate(stage)) as candidate:
        candidate.says_loaded()
        candidate.says(UNFIT)
        assert stage.until("end")[-1][:3] == [b"end", b"0", b"FAILED"]


def test_answers_that_come_before_their_calls_are_taken_in_turn_and_one_too_many_changes_nothing() -> None:
    cases = [call("f", number, expected=number) for number in range(3)]
    with JudgeStage(*cases) as stage, closing(PlayedCandidate(stage)) as candidate:
        candidate.says_loaded()
        with suppress(BrokenPipeError):  # the judge may have hung up by the last of them
            for number in (0, 5, 2, 9):
                candidate.says(VALUE, values.encode(number))
        assert [record[:3] for record in stage.until("done")] == [
            [b"loaded"],
            [b"end", b"0", b"PASSED"],
            [b"end", b"1", b"FAILED"],
            [b"end", b"2", b"PASSED"],
            [b"done"],
        ]


def _undecodable(frame_of: str, rule: Rule = Rule.EQUAL) -> Call:
    # A set of two equal values: only building it shows that it is none.
    equals = b"\x12\x02\0\0\0" + values.encode(1) * 2
    fields: dict[str, Any] = {"arguments": values.encode((1,)), "expected": values.encode(2)}
    fields[frame_of] = b"\x11\x01\0\0\0" + equals
    return Call(entry_point="f", keyword_arguments=b"", rule=rule, **fields)


@pytest.mark.parametrize("case", [_undecodable("arguments"), _undecodable("expected")], ids=["arguments", "expected"])
def test_a_case_that_holds_what_is_no_value_is_an_error_and_the_others_are_judged(case: Call) -> None:
    with JudgeStage(case, call("f", 1, expected=1)) as stage:
        ended = stage.judged(ECHO)
    assert verdicts(ended) == {0: "ERROR", 1: "PASSED"}
    assert "equal keys" in ended[0].message + ended[0].text


def test_arguments_that_are_no_value_do_not_upset_the_judge_that_looks_at_them() -> None:
    with (
        JudgeStage(_undecodable("arguments", Rule.EVALPLUS_ROOT)) as stage,
        closing(PlayedCandidate(stage)) as candidate,
    ):
        candidate.says_loaded()
        candidate.says(VALUE, values.encode(1))
        assert stage.until("end")[-1][:3] == [b"end", b"0", b"ERROR"]
