"""Whatever breaks, a job is run elsewhere or its caller told, and slots come back."""

import asyncio

import pytest
import structlog
from pool_stage import Stage, settle

from trialbox.server.model import Outcome, SandboxBrokenError, WorkspaceError
from trialbox.server.scheduler import QueueFullError


@pytest.mark.parametrize(
    "error", [SandboxBrokenError("x", started=True), WorkspaceError("x")], ids=lambda error: type(error).__name__
)
async def test_an_error_of_the_job_is_the_callers_and_the_slot_is_renewed(stage: Stage, error: Exception) -> None:
    (slot,) = stage.slots
    slot.gate.set()
    slot.job_error = error
    with pytest.raises(type(error)):
        await stage.call()
    await settle()
    assert slot.renewals == 1
    slot.job_error = None
    await stage.call()


@pytest.mark.parametrize("stage", [(2, 9)], indirect=True)
async def test_a_job_whose_program_had_not_started_is_run_on_another_slot(stage: Stage) -> None:
    first, second = stage.slots
    first.job_error = SandboxBrokenError("killed")
    first.gate.set()
    second.gate.set()
    assert (await stage.call("a")).outcome is Outcome.SUCCEEDED
    assert stage.order == ["a", "a"]


async def test_a_job_that_breaks_every_slot_is_not_run_for_ever(stage: Stage) -> None:
    (slot,) = stage.slots
    slot.job_error = SandboxBrokenError("killed")
    slot.gate.set()
    with pytest.raises(SandboxBrokenError):
        await stage.call("a")
    assert stage.order == ["a"] * 2


@pytest.mark.parametrize("stage", [(2, 0)], indirect=True)
async def test_a_slot_that_can_not_be_renewed_is_not_used_until_it_can(stage: Stage) -> None:
    first, second = stage.slots
    first.renewal_error = SandboxBrokenError("no launcher")
    first.gate.set()
    await stage.call("a")
    await settle()
    stage.call("b")
    await settle()
    assert second.running == "b"
    waiting = stage.call("c")
    await settle()
    assert not waiting.done()
    with pytest.raises(QueueFullError):
        await stage.call("d")
    first.renewal_error = None
    await waiting
    await settle()
    assert (first.renewals, stage.order) == (1 + 1, ["a", "b", "c"])


@pytest.mark.parametrize("stage", [(2, 9)], indirect=True)
async def test_a_broken_slot_holds_no_memory_that_others_wait_for(stage: Stage) -> None:
    first, second = stage.slots
    first.renewal_error = SandboxBrokenError("no launcher")
    first.gate.set()
    second.gate.set()
    await stage.call("a", memory_bytes=200)
    await settle()
    await stage.call("b", memory_bytes=200)
    await asyncio.wait_for(stage.call("all there is", memory_bytes=1000), 5)


@pytest.mark.parametrize("stage", [(2, 9)], indirect=True)
async def test_when_every_slot_is_broken_a_call_is_told_at_once_until_one_works_again(stage: Stage) -> None:
    for slot in stage.slots:
        slot.renewal_error = OSError("no memory")
        slot.gate.set()
    await asyncio.gather(stage.call(), stage.call())
    await settle()
    with pytest.raises(SandboxBrokenError):
        await stage.call()
    assert stage.health == [False]
    stage.slots[1].renewal_error = None
    await settle()
    await stage.call("again")
    assert stage.order[-1] == "again"
    assert stage.health == [False, True]


async def test_when_every_slot_is_broken_those_who_wait_are_told_too(stage: Stage) -> None:
    (slot,) = stage.slots
    slot.renewal_error = SandboxBrokenError("no launcher")
    stage.call("a")
    await settle()
    waiting = stage.call("b")
    await settle()
    slot.gate.set()
    await settle()
    assert waiting.done(), "it would wait for ever"
    assert isinstance(waiting.exception(), SandboxBrokenError)


@pytest.mark.parametrize("stage", [(2, 9)], indirect=True)
async def test_the_state_says_of_each_slot_how_it_is_and_the_log_when_one_breaks_and_comes_back(stage: Stage) -> None:
    def slots() -> tuple[int, int, int, int]:
        state = stage.pool.state()
        return state.ready, state.busy, state.starting, state.broken

    first, second = stage.slots
    assert slots() == (2, 0, 0, 0)
    stage.call("a", memory_bytes=200)
    second.renewal_gate.clear()
    second.gate.set()
    await settle()
    await stage.call("b", memory_bytes=300)
    stage.call("c", memory_bytes=400)
    await settle()
    assert slots() == (0, 1, 1, 0)
    assert (stage.pool.state().running, stage.pool.state().memory_bytes) == (2, 600)
    first.renewal_error = SandboxBrokenError("no launcher")
    first.gate.set()
    with structlog.testing.capture_logs() as log:
        await settle()
        assert slots() == (0, 0, 1, 1)
        first.renewal_error = None
        second.renewal_gate.set()
        await asyncio.gather(*stage.calls)
        while stage.pool.state().broken:
            await asyncio.sleep(0)
    assert [(line["event"], line["slot"]) for line in log] == [("slot_broken", 0), ("slot_renewed", 0)]
