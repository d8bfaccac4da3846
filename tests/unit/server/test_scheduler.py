"""Callers take turns, nobody is passed, and no permit is lost, whatever is cancelled and when."""

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest
from scheduler_stage import TAKER, BrokenError, Stage, settle, take

from trialbox.server.scheduler import QueueFullError, Scheduler, TooLargeError


def test_a_free_permit_is_had_without_the_event_loop() -> None:
    scheduler = Scheduler(permits=2, queue_size=0, memory_bytes=4)
    take(scheduler, 3)
    take(scheduler, 1)
    assert (scheduler.running, scheduler.used_memory_bytes, scheduler.waiting) == (2, 4, 0)
    scheduler.release(TAKER, 3)
    assert (scheduler.running, scheduler.used_memory_bytes, scheduler.waiting) == (1, 1, 0)
    take(scheduler, 3)


async def test_as_many_run_at_once_as_there_are_permits() -> None:
    stage = Stage(permits=2)
    await stage.asked("a", "b", "c")
    assert list(stage.running) == ["a", "b"]
    assert stage.facts() == (2, 2, 1)
    stage.end("a")
    await settle()
    assert list(stage.running) == ["b", "c"]
    assert stage.facts() == (2, 2, 0)


async def test_who_waits_has_the_permit_as_soon_as_it_is_released() -> None:
    stage = Stage()
    await stage.asked("a", "b")
    stage.end("a")
    assert stage.facts() == (1, 1, 0), "before the loop has turned"


async def test_a_job_waits_until_its_memory_fits_beside_what_runs() -> None:
    stage = Stage(permits=9)
    stage.ask("a", 4)
    stage.ask("b", 3)
    await settle()
    assert stage.facts() == (1, 4, 1)
    stage.end("a")
    await settle()
    assert stage.running == {"b": 3}


async def test_nobody_passes_a_job_that_waits_for_memory() -> None:
    stage = Stage(permits=9)
    for name, memory_bytes in {"a": 2, "b": 2, "c": 6, "d": 1, "e": 1}.items():
        stage.ask(name, memory_bytes)
        await settle()
    assert stage.started == ["a", "b"]
    stage.end("a")
    await settle()
    assert stage.started == ["a", "b"]
    await stage.run_all()
    assert stage.started == ["a", "b", "c", "d", "e"]


async def test_the_end_of_one_large_job_starts_all_that_fit_in_its_place() -> None:
    stage = Stage(permits=9)
    stage.ask("a", 6)
    for name in "bcd":
        stage.ask(name, 2)
    stage.ask("e", 1)
    await settle()
    stage.end("a")
    assert stage.facts() == (3, 6, 1)


async def test_one_more_than_may_wait_is_refused_and_leaves_no_trace() -> None:
    stage = Stage(queue_size=2)
    await stage.asked("a", "b", "c")
    (refused,) = await stage.asked("d")
    with pytest.raises(QueueFullError, match="2 requests wait already; the limit is 2"):
        refused.result()
    assert stage.facts() == (1, 1, 2)
    stage.end("a")
    await settle()
    await stage.asked("e")
    await stage.run_all()
    assert stage.started == ["a", "b", "c", "e"]


async def test_without_a_queue_a_job_runs_only_where_a_permit_is_free() -> None:
    stage = Stage(queue_size=0)
    _, refused = await stage.asked("a", "b")
    with pytest.raises(QueueFullError):
        refused.result()
    stage.end("a")
    await stage.asked("c")
    assert stage.started == ["a", "c"]


async def test_an_unbounded_request_may_wait_beyond_the_bound_and_counts_for_those_that_have_one() -> None:
    stage = Stage(queue_size=1)
    await stage.asked("a")
    for name in "bcd":
        stage.ask(name, bounded=False)
    await settle()
    (refused,) = await stage.asked("e")
    with pytest.raises(QueueFullError, match="3 requests wait already; the limit is 1"):
        refused.result()
    await stage.run_all()
    assert stage.started == ["a", "b", "c", "d"]


@pytest.mark.parametrize("others", [(), ("b", "c")], ids=["alone", "with others"])
async def test_what_would_wait_for_ever_is_refused(others: tuple[str, ...]) -> None:
    stage = Stage(memory_bytes=5)
    await stage.asked(*others)
    before = stage.facts()
    refused = stage.ask("a", 6, bounded=False)
    await settle()
    with pytest.raises(TooLargeError, match="is 6; it must be from 1 to 5"):
        refused.result()
    assert stage.facts() == before


async def test_callers_take_turns_and_each_ones_requests_run_in_the_order_they_came() -> None:
    stage = Stage()
    await stage.asked("x", "a1", "a2", "a3", "b1", "b2", "c1", "a4")
    await stage.run_all()
    assert stage.started == ["x", "a1", "b1", "c1", "a2", "b2", "a3", "a4"]


async def test_a_single_request_is_not_kept_waiting_by_a_thousand_of_another_caller() -> None:
    stage = Stage(queue_size=10_000)
    await stage.asked(*(f"a{number}" for number in range(1001)), "b")
    stage.end("a0")
    await settle()
    stage.end("a1")
    await settle()
    assert stage.started == ["a0", "a1", "b"]


async def test_a_cancelled_request_leaves_the_queue_at_once() -> None:
    stage = Stage(queue_size=2)
    _, first, second = await stage.asked("a", "b", "c")
    second.cancel()
    await settle()
    assert (second.cancelled(), stage.scheduler.waiting) == (True, 1)
    await stage.asked("d")  # there is room again
    first.cancel()
    await stage.run_all()
    assert stage.started == ["a", "d"]


async def test_cancelling_what_waits_for_memory_starts_those_behind_it_that_fit() -> None:
    stage = Stage(permits=3)
    stage.ask("a", 3)
    await settle()
    large = stage.ask("b", 4)
    await settle()
    await stage.asked("c", "d", "e")
    assert stage.started == ["a"]
    large.cancel()
    await settle()
    assert stage.started == ["a", "c", "d"]
    assert stage.facts() == (3, 5, 1)


async def test_a_permit_given_to_a_request_as_it_is_cancelled_goes_on_to_the_next() -> None:
    stage = Stage()
    _, second, _ = await stage.asked("a", "b", "c")
    stage.end("a")
    second.cancel()
    await settle()
    assert second.cancelled()
    assert stage.running == {"c": 1}
    assert stage.facts() == (1, 1, 0)


async def test_a_permit_given_to_the_last_request_as_it_is_cancelled_is_free() -> None:
    stage = Stage()
    _, last = await stage.asked("a", "b")
    stage.end("a")
    last.cancel()
    await settle()
    assert stage.facts() == (0, 0, 0)


async def test_a_request_cancelled_before_the_permit_is_released_is_passed_over() -> None:
    stage = Stage()
    _, cancelled, _, _ = await stage.asked("a", "b", "c", "d")
    cancelled.cancel()
    stage.end("a")
    assert stage.facts() == (1, 1, 1), "the next has it before the loop has turned"
    await settle()
    assert cancelled.cancelled()
    assert stage.running == {"c": 1}
    assert stage.facts() == (1, 1, 1)


@pytest.mark.parametrize("turns", [0, 1, 6])  # of the loop, before the release
async def test_a_caller_that_cancels_its_first_request_keeps_its_turn_for_the_second(turns: int) -> None:
    stage = Stage()
    _, first, _, _ = await stage.asked("x", "a1", "a2", "b1")
    first.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    await stage.run_all()
    assert stage.started == ["x", "a2", "b1"]


async def test_a_failure_is_told_to_all_who_wait_and_touches_nobody_who_runs() -> None:
    stage = Stage()
    _, *waiting = await stage.asked("a", "b1", "b2", "c")
    error = BrokenError()
    stage.scheduler.fail(error)
    assert stage.facts() == (1, 1, 0)
    await settle()
    assert [task.exception() for task in waiting] == [error] * 3
    await stage.asked("d", "b3")
    await stage.run_all()
    assert stage.started == ["a", "d", "b3"]


async def test_a_failure_and_a_cancellation_may_meet() -> None:
    stage = Stage()
    _, first, second = await stage.asked("a", "b", "c")
    first.cancel()
    stage.scheduler.fail(BrokenError())
    second.cancel()
    await settle()
    assert (first.cancelled(), second.cancelled()) == (True, True)
    assert stage.facts() == (1, 1, 0)


class Caller(str):
    """A name that can be watched for being let go of."""


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda stage, task: stage.end("a"), id="served"),
        pytest.param(lambda stage, task: task.cancel(), id="cancelled"),
        pytest.param(lambda stage, task: (task.cancel(), stage.end("a")), id="cancelled, then next"),
        pytest.param(lambda stage, task: (stage.end("a"), task.cancel()), id="next, then cancelled"),
        pytest.param(lambda stage, task: stage.scheduler.fail(BrokenError()), id="failed"),
    ],
)
async def test_of_a_caller_that_no_longer_waits_nothing_is_kept(
    leave: Callable[[Stage, asyncio.Task[None]], object],
) -> None:
    stage = Stage()
    await stage.asked("a")
    caller = Caller("b")
    kept = weakref.ref(caller)
    task = stage.ask("b", caller=caller)
    others = await stage.asked("c", "d")
    leave(stage, task)
    await settle()
    for ended in (task, *others):
        if ended.done() and not ended.cancelled():
            ended.exception()  # else it is logged, and the log keeps all that it names
    del caller, task, others, ended
    gc.collect()
    assert kept() is None
