"""The time of each case is kept from outside: whoever takes too long is ended, and nobody else."""

import pytest
from clockwork import hurried, passed
from watched_judge import BEGUN, CASE_SECONDS, DONE, LOADED, PLANNED, Watched, ended, record

_GRACE_SECONDS = 2.0


@hurried
async def test_a_case_that_takes_too_long_ends_the_candidate_and_later_the_judge_that_does_not_notice() -> None:
    watched = Watched([0, 1])
    watched.feed(BEGUN)
    await watched.candidate.stopped.wait()
    assert watched.candidate.reasons == [b"wall"]
    assert (watched.watch.overdue, watched.judge.reasons) == (1, [])
    assert watched.watch.current_seconds() == pytest.approx(CASE_SECONDS)
    await watched.judge.stopped.wait()
    assert watched.watch.current_seconds() == pytest.approx(CASE_SECONDS + _GRACE_SECONDS)
    assert watched.judge.reasons == [b"wall"]
    watched.watch.detach()


@hurried
async def test_a_judge_that_notices_is_let_be() -> None:
    watched = Watched([0, 1])
    watched.feed(BEGUN)
    await watched.candidate.stopped.wait()
    watched.feed(record(b"lost", b"the process is gone"))
    watched.watch.expect_candidate()
    assert watched.watch.overdue is None
    await passed(10 * CASE_SECONDS)
    assert watched.judge.reasons == []
    watched.watch.detach()


@hurried
async def test_loading_that_takes_too_long_ends_the_candidate() -> None:
    watched = Watched([0])
    watched.feed(PLANNED)
    await watched.candidate.stopped.wait()
    assert (watched.watch.overdue, watched.watch.loaded) == (-1, False)
    watched.watch.detach()


@hurried
async def test_without_a_candidate_what_takes_too_long_ends_the_judge() -> None:
    watched = Watched([0, 1], with_candidate=False)
    await passed(0.9 * CASE_SECONDS)
    watched.feed(record(b"oracle", b"0"))
    await passed(0.9 * CASE_SECONDS)
    assert watched.judge.reasons == []
    await watched.judge.stopped.wait()
    assert (watched.watch.overdue, watched.watch.oracle) == (None, 0)
    watched.watch.detach()


@hurried
async def test_each_case_has_a_time_of_its_own_and_so_has_loading() -> None:
    watched = Watched([0, 1])
    watched.feed(PLANNED)
    for records in (b"", LOADED, ended(0)):
        watched.feed(records)
        await passed(0.9 * CASE_SECONDS)
    watched.feed(ended(1))
    assert watched.candidate.reasons == []
    watched.watch.detach()


@hurried
async def test_no_case_runs_before_the_first_candidate() -> None:
    watched = Watched([0, 1], with_candidate=False)
    watched.watch.expect_candidate()
    watched.feed(PLANNED)
    await passed(10 * CASE_SECONDS)
    assert watched.judge.reasons == []
    watched.watch.attach_candidate(watched.candidate)
    await watched.candidate.stopped.wait()
    assert watched.watch.overdue == -1
    watched.watch.detach()


@hurried
async def test_no_case_runs_between_two_candidates() -> None:
    watched = Watched([0, 1])
    watched.feed(BEGUN + record(b"lost", b"the process is gone"))
    await passed(10 * CASE_SECONDS)
    watched.watch.expect_candidate()
    await passed(10 * CASE_SECONDS)
    assert (watched.judge.reasons, watched.candidate.reasons) == ([], [])
    watched.watch.detach()


@pytest.mark.parametrize(
    "news", [record(b"fresh"), record(b"unloaded", b"E", b"m", b"1"), record(b"unloaded", b"E", b"m", b"1") + DONE]
)
@hurried
async def test_a_judge_that_has_no_more_to_do_takes_no_cases_time(news: bytes) -> None:
    watched = Watched([0, 1])
    watched.feed(BEGUN + news)
    await passed(10 * CASE_SECONDS)
    assert (watched.watch.overdue, watched.judge.reasons, watched.candidate.reasons) == (None, [], [])
    watched.watch.detach()


@hurried
async def test_a_judge_that_does_not_come_to_an_end_after_its_last_verdict_is_ended() -> None:
    watched = Watched([0])
    watched.feed(BEGUN)
    await watched.judge.stopped.wait()
    assert watched.verdicts() == {0: "PASSED"}
    watched.watch.detach()


@hurried
async def test_what_is_detached_is_left_alone() -> None:
    watched = Watched([0, 1])
    watched.feed(BEGUN)
    await watched.candidate.stopped.wait()
    watched.watch.detach()
    await passed(10 * CASE_SECONDS)
    assert watched.judge.reasons == []


async def test_a_candidate_that_is_not_there_yet_can_not_be_stopped() -> None:
    watched = Watched([0], with_candidate=False)
    assert not watched.watch.stop_candidate()
    watched.watch.attach_candidate(watched.candidate)
    assert watched.watch.stop_candidate()
    assert watched.candidate.reasons == [b"cancelled"]
    watched.watch.detach()
