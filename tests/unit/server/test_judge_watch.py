"""What a judge reports is taken in order, or the judge is stopped: test code may have written it."""

import pytest
from clockwork import WatchedProcess
from hypothesis import given
from hypothesis import strategies as st
from watched_judge import BEGUN, DONE, LOADED, PLANNED, SAID_NOTHING, TEXT_LIMIT, Watched, ended, record

from trialbox.server.grading import CaseResult, Trust, Verdict
from trialbox.server.guest import frames
from trialbox.server.judge_watch import News
from trialbox.server.model import ProgramException


async def test_records_in_order_give_a_plan_and_results() -> None:
    watched = Watched([2, 4, 5, 7, 9])
    watch = watched.watch
    watched.feed(record(b"shared", b"4", b"it patches") + record(b"oracle", b"5"))
    assert (watch.shared, watch.oracle, watch.planned) == ({4: "it patches"}, 5, False)
    watched.feed(record(b"expected", b"5", b"frame") + record(b"oracle", b"7") + record(b"unexpected", b"7", b"no"))
    assert (watch.expected, watch.oracle, list(watch.pending)) == ({5: b"frame"}, None, [2, 5, 9])
    assert watched.verdicts() == {7: "ERROR"}
    assert watch.results[7].message == "the oracle gave no expected value: no"
    watched.feed(PLANNED)
    assert (watch.planned, watch.loaded, watched.news()) == (True, False, [News("planned")])
    watched.feed(LOADED + ended(2))
    assert (watch.loaded, list(watch.pending)) == (True, [5, 9])
    watched.feed(ended(5, b"FAILED", b"3", b"4", b"", b"", b"", b"0", b"0-1,1-2"))
    watched.feed(ended(9, b"ERROR", b"", b"", b"", b"ValueError", b"no", b"3", b"") + DONE)
    assert watched.news() == [News("done")]
    watch.detach()
    passed_, failed, raised = watch.results[2], watch.results[5], watch.results[9]
    assert {result.trust for result in watch.results.values()} == {Trust.SEPARATED}
    assert (passed_.verdict, passed_.wall_seconds, passed_.message, passed_.exception) == (
        Verdict.PASSED,
        0.005,
        "",
        None,
    )
    assert (failed.actual, failed.expected, failed.message) == ("3", "4", "gave 3, not 4")
    assert failed.arcs == ((0, 1), (1, 2))
    assert (raised.message, raised.exception) == (
        "ValueError: no (line 3)",
        ProgramException(type="ValueError", message="no", line=3),
    )
    assert (watched.judge.reasons, watched.candidate.reasons) == ([], [])


async def test_cases_that_passed_are_told_of_together_in_their_order() -> None:
    watched = Watched([2, 4, 5, 7])
    watched.feed(PLANNED + LOADED + record(b"passed", b"1000,2000") + ended(5, b"FAILED") + record(b"passed", b"0"))
    watched.watch.detach()
    assert watched.verdicts() == {2: "PASSED", 4: "PASSED", 5: "FAILED", 7: "PASSED"}
    assert [result.wall_seconds for result in watched.watch.results.values()] == [1e-6, 2e-6, 0.005, 0]
    assert {result.trust for result in watched.watch.results.values()} == {Trust.SEPARATED}
    assert watched.judge.reasons == []


async def test_a_message_of_the_judges_own_is_told_as_it_is() -> None:
    watched = Watched([0])
    watched.feed(PLANNED + LOADED + ended(0, b"FAILED", b"", b"4", b"gave what can't cross", b"", b"", b"0", b""))
    watched.watch.detach()
    result = watched.watch.results[0]
    assert (result.message, result.expected) == ("gave what can't cross", "4")


async def test_a_candidate_that_was_lost_and_a_program_that_does_not_load_are_news() -> None:
    watched = Watched([0, 1])
    watched.feed(PLANNED + LOADED + record(b"lost", b"the process is gone"))
    assert watched.news() == [News("planned"), News("lost", "the process is gone")]
    watched.watch.expect_candidate()
    assert not watched.watch.loaded
    watched.watch.attach_candidate(WatchedProcess())
    watched.feed(record(b"unloaded", b"SyntaxError", b"invalid", b"2") + DONE)
    watched.watch.detach()
    assert watched.news() == [News("unloaded"), News("done")]
    failure = watched.watch.load_failure
    assert failure is not None and failure.exception == ProgramException(type="SyntaxError", message="invalid", line=2)


_FORGERIES: dict[str, bytes] = {
    "case repeated": ended(0, b"FAILED"),
    "case out of turn": ended(2),
    "case of no suite": ended(99),
    "case that was set aside": ended(3),
    "case of a negative number": ended(-1),
    "case of no number": ended(b"one"),
    "case of an empty number": ended(b""),
    "case of too long a number": ended(b"9" * 5000),
    "verdict of no name": ended(1, b"GREAT"),
    "verdict in small letters": ended(1, b"passed"),
    "verdict that is not text": ended(1, b"\xff"),
    "no verdict": record(b"end", b"1"),
    "no time": record(b"end", b"1", b"PASSED"),
    "time of no number": ended(1, nanoseconds=b"soon"),
    "time below zero": ended(1, nanoseconds=b"-1"),
    "time too long for a number": ended(1, nanoseconds=b"9" * 5000),
    "time too long for a float": ended(1, nanoseconds=b"9" * 4000),
    "too few texts": ended(1, b"PASSED", b"a"),
    "text that is not text": ended(1, b"PASSED", b"\xff", *SAID_NOTHING[1:]),
    "half an exception": ended(1, b"ERROR", b"", b"", b"", b"E", b"m"),
    "exception at no line": ended(1, b"ERROR", b"", b"", b"", b"E", b"m", b"x", b""),
    "exception at a line below zero": ended(1, b"ERROR", b"", b"", b"", b"E", b"m", b"-5", b""),
    "exception at a line too long for the wire": ended(1, b"ERROR", b"", b"", b"", b"E", b"m", b"4294967296", b""),
    "no coverage": ended(1, b"PASSED", *SAID_NOTHING[:6]),
    "coverage of no lines": ended(1, b"PASSED", *SAID_NOTHING[:6], b"a-b"),
    "coverage of half an arc": ended(1, b"PASSED", *SAID_NOTHING[:6], b"5"),
    "coverage of half a pair": ended(1, b"PASSED", *SAID_NOTHING[:6], b"5-"),
    "coverage of a line below zero": ended(1, b"PASSED", *SAID_NOTHING[:6], b"5--3"),
    "more passed than there are": record(b"passed", b"1,2,3"),
    "passed in no time": record(b"passed", b""),
    "passed in a time below zero": record(b"passed", b"1,-1"),
    "passed in what is no number": record(b"passed", b"1,x"),
    "passed in a time too long for a float": record(b"passed", b"1," + b"9" * 4000),
    "passed and no more": record(b"passed"),
    "loaded twice": LOADED,
    "planned twice": PLANNED,
    "plan after its end": record(b"shared", b"1", b"why"),
    "oracle after the plan": record(b"expected", b"1", b"frame"),
    "lost for no reason": record(b"lost"),
    "lost for what is not text": record(b"lost", b"\xff"),
    "unloaded for no reason": record(b"unloaded"),
    "unloaded at no line": record(b"unloaded", b"E", b"m", b"-1"),
    "unknown record": record(b"shutdown"),
    "empty record": record(),
    "record with an empty name": record(b""),
    "record that is no frame": frames.pack(b"garbage"),
    "bytes that are no frame": b"garbage garbage",
}


@pytest.mark.parametrize("name", _FORGERIES)
async def test_any_other_record_stops_the_judge_and_changes_no_result(name: str) -> None:
    watched = Watched([0, 3, 1, 2])
    watched.feed(record(b"shared", b"3", b"why") + BEGUN)
    before = dict(watched.watch.results)
    watched.news()
    watched.feed(_FORGERIES[name])
    assert (watched.judge.reasons, watched.watch.forged) == ([b"wall"], True)
    watched.feed(ended(1) + ended(2) + DONE)
    watched.watch.detach()
    assert watched.watch.results == before
    assert (list(watched.watch.pending), watched.news()) == ([1, 2], [])
    assert watched.candidate.reasons == []


_NO_PLANS: dict[str, bytes] = {
    "verdict before the plan": ended(0),
    "passed before the plan": record(b"passed", b"1"),
    "loaded before the plan": LOADED,
    "lost before the plan": record(b"lost", b"why"),
    "case of no suite set aside": record(b"shared", b"99", b"why"),
    "case set aside twice": record(b"shared", b"0", b"why") * 2,
    "case set aside for no reason": record(b"shared", b"0"),
    "oracle of no case": record(b"oracle", b"99"),
    "oracle of a case that was set aside": record(b"shared", b"0", b"why") + record(b"oracle", b"0"),
    "oracle of no number": record(b"oracle", b"x"),
    "expected value that was not asked for": record(b"expected", b"0", b"frame"),
    "expected value of another case": record(b"oracle", b"0") + record(b"expected", b"1", b"frame"),
    "expected value that is none": record(b"oracle", b"0") + record(b"expected", b"0"),
    "expected value twice": record(b"oracle", b"0") + record(b"expected", b"0", b"frame") * 2,
    "no expected value that was not asked for": record(b"unexpected", b"0", b"why"),
    "no record of a plan": record(b"oracle", b"0") + record(b"pass", b"0", b"PASSED"),
}


@pytest.mark.parametrize("name", _NO_PLANS)
async def test_what_is_no_plan_stops_the_judge(name: str) -> None:
    watched = Watched([0, 1])
    watched.feed(_NO_PLANS[name] + PLANNED + LOADED + ended(0) + ended(1))
    watched.watch.detach()
    assert (watched.judge.reasons, watched.watch.forged) == ([b"wall"], True)
    assert not watched.watch.planned
    assert Verdict.PASSED not in {result.verdict for result in watched.watch.results.values()}


async def test_after_the_last_case_no_candidate_can_be_lost() -> None:
    watched = Watched([0])
    watched.feed(BEGUN + record(b"lost", b"why"))
    watched.watch.detach()
    assert watched.judge.reasons == [b"wall"]
    assert watched.verdicts() == {0: "PASSED"}


async def test_what_a_record_tells_is_kept_short() -> None:
    long = b"x" * 100_000
    watched = Watched([0, 1, 2])
    watched.feed(record(b"shared", b"0", long) + PLANNED + LOADED)
    watched.feed(
        ended(1, b"FAILED", long, long, long, b"", b"", b"0", b"")
        + ended(2, b"ERROR", b"", b"", b"", long, long, b"1", b"")
    )
    watched.feed(record(b"unloaded", long, long, b"1"))
    watched.watch.detach()
    assert watched.judge.reasons == []
    failed, raised, failure = watched.watch.results[1], watched.watch.results[2], watched.watch.load_failure
    assert raised.exception is not None and failure is not None and failure.exception is not None
    texts = [failed.actual, failed.expected, failed.message, raised.message, watched.watch.shared[0]]
    texts += [raised.exception.type, raised.exception.message, failure.exception.type, failure.exception.message]
    assert {len(text) for text in texts} == {TEXT_LIMIT}


async def test_an_expected_value_may_be_as_large_as_what_crosses() -> None:
    frame = bytes(20 << 20)
    watched = Watched([0])
    stream = record(b"oracle", b"0") + record(b"expected", b"0", frame) + PLANNED
    for start in range(0, len(stream), 1 << 20):
        watched.feed(stream[start : start + (1 << 20)])
    watched.watch.detach()
    assert watched.watch.expected == {0: frame}
    assert watched.judge.reasons == []


_any_record = st.sampled_from(
    [
        *(
            PLANNED,
            LOADED,
            DONE,
            record(b"passed", b"1"),
            *(ended(number) for number in range(4)),
            record(b"lost", b"why"),
        ),
        *(record(b"shared", b"1", b"why"), record(b"oracle", b"0"), record(b"expected", b"0", b"frame")),
        *(*_FORGERIES.values(), *_NO_PLANS.values()),
    ]
)


@given(st.lists(_any_record | st.binary(max_size=30), max_size=12))
async def test_any_bytes_give_results_in_order_and_never_raise(chunks: list[bytes]) -> None:
    watched = Watched([0, 1, 2])
    watch, seen = watched.watch, dict[int, CaseResult]()
    for chunk in chunks:
        watched.feed(chunk)
        assert watch.results.items() >= seen.items()
        seen = dict(watch.results)
    watch.detach()
    assert sorted([*watch.results, *watch.shared, *watch.pending]) == [0, 1, 2]
    judged = [number for number in watch.results if watch.results[number].verdict is Verdict.PASSED]
    assert judged == sorted(judged)
    assert all(number < min(watch.pending, default=3) for number in judged)
    assert watched.judge.reasons in ([], [b"wall"])
    assert watched.candidate.reasons == []
