"""Many calls, large ones, and what they ran: none holds up another."""

from contextlib import closing

import pytest
from judge_stage import ECHO, Ended, JudgeStage, PlayedCandidate, call, check, names, verdicts

from trialbox.server.grading import Call, Check
from trialbox.server.guest.channel import VALUE
from trialbox.v1 import values


def test_a_thousand_calls_are_answered_in_turn() -> None:
    cases = [call("f", number, expected=number) for number in range(1000)]
    with JudgeStage(*cases) as stage:
        assert verdicts(stage.judged(ECHO)) == dict.fromkeys(range(1000), "PASSED")


_MEGABYTE = "x" * (1 << 20)


@pytest.mark.parametrize(
    ("cases", "source"),
    [
        ([call("f", _MEGABYTE, expected=_MEGABYTE)] * 8, ECHO),
        ([call("f", _MEGABYTE, expected=1)] * 8, "def f(x):\n    return 1"),
        ([call("f", 1, expected=_MEGABYTE)] * 70, "def f(x):\n    return 'x' * (1 << 20)"),
        ([call("f", 1, expected=1), call("f", _MEGABYTE, expected=_MEGABYTE)] * 8, ECHO),
        ([call("f", "y" * 30_000, expected="y" * 30_000)] * 50, ECHO),
        ([check(f"assert f('x' * {1 << 20}) == 'x' * {1 << 20}")] * 4, ECHO),
        ([call("f", "z" * (50 << 20), expected=50 << 20)], "f = len"),
    ],
    ids=["both", "arguments", "answers", "in turns", "middling", "checks", "more than an answer may have"],
)
def test_large_arguments_and_answers_hold_nobody_up(cases: list[Call | Check], source: str) -> None:
    with JudgeStage(*cases) as stage:
        assert verdicts(stage.judged(source)) == dict.fromkeys(range(len(cases)), "PASSED")


def test_calls_are_on_their_way_together_and_no_more_of_them_than_a_window_holds() -> None:
    cases = [call("f", number, expected=number) for number in range(200)]
    with JudgeStage(*cases) as stage, closing(PlayedCandidate(stage)) as candidate:
        candidate.says_loaded()
        on_the_way = [candidate.next_call() for _ in range(64)]
        candidate.end.setblocking(False)
        with pytest.raises(BlockingIOError):  # the judge sends no more before it has answers
            candidate.next_call()
        assert on_the_way == [("f", (number,)) for number in range(64)]


def test_a_verdict_does_not_wait_for_the_next_call() -> None:
    with (
        JudgeStage(call("f", 1, expected=1), call("f", _MEGABYTE, expected=2)) as stage,
        closing(PlayedCandidate(stage)) as candidate,
    ):
        candidate.says_loaded()
        candidate.next_call()
        candidate.says(VALUE, values.encode(1))
        # It reads nothing of the next call, for which the socket has not enough room.
        assert names(stage.until("end")) == ["loaded", "end"]


def test_the_lines_that_a_case_ran_are_told_for_calls_and_checks() -> None:
    source = "def f(x):\n    if x:\n        return 1\n    return g(x)\ndef g(x):\n    return x\n"
    cases = (
        call("f", 1, expected=1),
        call("f", 0, expected=0),
        check("assert f(1) == 1\nassert f(0) == 0"),
        check("1"),
    )
    with JudgeStage(*cases) as stage:
        ended = stage.judged(source, coverage=True)
    assert [sorted(set(ended[number].covered.split(","))) for number in range(4)] == [
        ["0-2", "2-3"],
        ["0-2", "0-6", "2-4"],
        ["0-2", "0-6", "2-3", "2-4"],
        [""],
    ]


def test_lines_are_told_where_the_program_raised_as_well() -> None:
    source = "def f(x):\n    x += 1\n    raise ValueError\n"
    with JudgeStage(call("f", 1, expected=1), check("try:\n    f(1)\nexcept ValueError:\n    pass")) as stage:
        ended = stage.judged(source, coverage=True)
    assert [ended[number].covered for number in (0, 1)] == ["0-2,2-3", "0-2,2-3"]


def test_nothing_is_traced_that_was_not_asked_for() -> None:
    with JudgeStage(call("f", expected=None)) as stage:
        assert stage.judged("import sys\nf = sys.gettrace")[0].covered == ""


@pytest.mark.parametrize(
    ("claimed", "told"),
    [
        (b"1-2,x-3,4-y,,5,-6,7-,8--9,\xff-1,1-2-3,10-20", "1-2,10-20"),
        (b"1-9999999999,999999999-1", "999999999-1"),
        (b",".join(b"%d-%d" % (n, n) for n in range(30_000)), ",".join(f"{n}-{n}" for n in range(20_000))),
    ],
)
def test_what_a_candidate_claims_to_have_run_is_lines_and_not_too_many(claimed: bytes, told: str) -> None:
    with JudgeStage(call("f", expected=1)) as stage, closing(PlayedCandidate(stage)) as candidate:
        candidate.says_loaded()
        candidate.says(VALUE, values.encode(1), covered=claimed)
        assert Ended.of(stage.until("end")[-1][2:]).covered == told
