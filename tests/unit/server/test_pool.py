"""The pool gives each job a ready slot when its turn has come, and renews every slot after its job."""

import asyncio
from types import SimpleNamespace

import pytest
from pool_stage import Stage, settle

from trialbox.server import pool as pool_module
from trialbox.server.model import Outcome
from trialbox.server.scheduler import QueueFullError


async def test_a_job_runs_and_its_slot_is_renewed(stage: Stage) -> None:
    (slot,) = stage.slots
    slot.gate.set()
    done = await stage.call()
    assert done.outcome is Outcome.SUCCEEDED
    assert done.usage.setup_seconds == 0.5
    await settle()
    assert (slot.starts, slot.renewals) == (1, 1)


@pytest.mark.parametrize("stage", [(3, 0)], indirect=True)
async def test_as_many_jobs_run_at_once_as_there_are_slots(stage: Stage) -> None:
    for name in "abc":
        stage.call(name)
    await settle()
    assert stage.running == ["a", "b", "c"]
    assert stage.pool.permits == 3


async def test_an_answer_does_not_wait_for_the_renewal_but_the_next_job_does(stage: Stage) -> None:
    (slot,) = stage.slots
    slot.gate.set()
    slot.renewal_gate.clear()
    await stage.call("first")
    second = stage.call("second")
    await settle()
    assert stage.order == ["first"]
    slot.renewal_gate.set()
    await second
    assert stage.order == ["first", "second"]


@pytest.mark.parametrize("stage", [(1, 10)], indirect=True)
async def test_jobs_run_in_the_order_they_came(stage: Stage) -> None:
    calls = [stage.call(name) for name in "abcdef"]
    await settle()
    stage.slots[0].gate.set()
    await asyncio.gather(*calls)
    assert stage.order == list("abcdef")


@pytest.mark.parametrize("stage", [(1, 10)], indirect=True)
async def test_who_comes_as_a_slot_gets_free_does_not_pass_who_waits(stage: Stage) -> None:
    (slot,) = stage.slots
    slot.renewal_gate.clear()
    running = [stage.call("a")]
    await settle()
    running += [stage.call("b"), stage.call("c")]
    await settle()
    slot.gate.set()
    await settle()
    slot.renewal_gate.set()
    running.append(stage.call("late"))  # its turn on the loop comes before that of "b", just woken
    await asyncio.gather(*running)
    assert stage.order == ["a", "b", "c", "late"]


async def test_one_more_than_may_wait_is_refused(stage: Stage) -> None:
    stage.call("a")
    waiting = [stage.call("b"), stage.call("c")]
    await settle()
    with pytest.raises(QueueFullError, match="2"):
        await stage.call("d")
    stage.slots[0].gate.set()
    await asyncio.gather(*waiting)
    await stage.call("e")
    assert stage.order == ["a", "b", "c", "e"]


@pytest.mark.parametrize("stage", [(1, 0)], indirect=True)
async def test_without_a_queue_a_job_runs_only_where_a_slot_is_free(stage: Stage) -> None:
    (slot,) = stage.slots
    slot.gate.set()
    await stage.call("a")
    await settle()
    slot.gate.clear()
    stage.call("b")
    await settle()
    with pytest.raises(QueueFullError):
        await stage.call("c")
    assert stage.order == ["a", "b"]


async def test_a_batch_may_wait_beyond_the_bound(stage: Stage) -> None:
    calls = [stage.call(str(number), bounded=False) for number in range(9)]
    await settle()
    stage.slots[0].gate.set()
    await asyncio.gather(*calls)
    assert stage.order == list("012345678")


async def test_a_cancelled_call_ends_its_job_and_frees_a_renewed_slot(stage: Stage) -> None:
    (slot,) = stage.slots
    call = stage.call("a")
    await settle()
    assert stage.running == ["a"]
    call.cancel()
    await settle()
    assert (call.cancelled(), stage.running, slot.renewals) == (True, [], 1)
    slot.gate.set()
    await stage.call("b")


async def test_a_call_cancelled_while_it_waits_leaves_its_place_to_the_next(stage: Stage) -> None:
    stage.call("a")
    await settle()
    waiting, after = stage.call("b"), stage.call("c")
    await settle()
    waiting.cancel()
    await settle()
    assert waiting.cancelled()
    stage.call("d")  # there is room again
    stage.slots[0].gate.set()
    await asyncio.gather(after, stage.calls[-1])
    assert stage.order == ["a", "c", "d"]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_a_call_cancelled_as_its_slot_gets_free_loses_no_slot(stage: Stage, turns: int) -> None:
    (slot,) = stage.slots
    slot.renewal_gate.clear()
    stage.call("a")
    await settle()
    waiting = stage.call("b")
    await settle()
    slot.gate.set()
    await settle()
    slot.renewal_gate.set()
    for _ in range(turns):  # of the loop: before the renewal, between it and "b", after both
        await asyncio.sleep(0)
    waiting.cancel()
    await settle()
    await stage.call("c")
    assert stage.order[-1] == "c"


@pytest.mark.parametrize("stage", [(3, 0)], indirect=True)
async def test_a_job_goes_to_a_slot_that_has_its_runtime_ready(stage: Stage) -> None:
    stage.slots[1].runtimes = {"numpy"}
    stage.call("a", runtime="numpy")
    stage.call("b", runtime="numpy")  # no other is ready for it: any will do
    await settle()
    assert [slot.running for slot in stage.slots] == ["b", "a", None]


@pytest.mark.parametrize("stage", [(1, 9, 1)], indirect=True)
async def test_a_spare_slot_runs_the_next_job_while_the_last_ones_is_renewed(stage: Stage) -> None:
    first, second = stage.slots
    first.renewal_gate.clear()
    first.gate.set()
    await stage.call("a")
    stage.call("b")
    stage.call("c")
    await settle()
    assert second.running == "b"
    first.renewal_gate.set()
    await settle()
    assert stage.running == ["b"], "no more than the permits at once, though a slot is ready"
    second.gate.set()
    await settle()
    assert stage.order == ["a", "b", "c"]


@pytest.mark.parametrize("stage", [(1, 99)], indirect=True)
async def test_callers_take_turns(stage: Stage) -> None:
    calls = [stage.call(f"a{number}", caller="a") for number in range(4)]
    calls += [stage.call(f"b{number}", caller="b") for number in range(2)]
    await settle()
    stage.slots[0].gate.set()
    await asyncio.gather(*calls)
    assert stage.order == ["a0", "a1", "b0", "a2", "b1", "a3"]


async def test_time_in_the_queue_is_told_apart(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(pool_module, "time", SimpleNamespace(monotonic=lambda: clock))
    first, second = stage.call("a"), stage.call("b")
    await settle()
    clock = 107.0
    stage.slots[0].gate.set()
    assert (await first).usage.queue_seconds == 0
    assert (await second).usage.queue_seconds == 7


async def test_stopping_stops_every_slot_and_every_renewal(stage: Stage) -> None:
    (slot,) = stage.slots
    slot.gate.set()
    slot.renewal_gate.clear()
    await stage.call()
    await stage.pool.stop()
    assert (slot.stops, slot.renewals) == (1, 0)
