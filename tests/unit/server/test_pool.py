"""The pool gives each job a ready slot when its turn has come, and renews every slot after its job."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import pytest_asyncio

from trialbox.server import pool as pool_module
from trialbox.server.model import (
    Execution,
    IsolationPath,
    Job,
    Limits,
    Outcome,
    Program,
    SandboxBrokenError,
    Usage,
    WorkspaceError,
)
from trialbox.server.pool import Pool
from trialbox.server.scheduler import QueueFullError
from trialbox.server.watching import Watch

_LIMITS = Limits(
    wall_seconds=1,
    cpu_seconds=1,
    memory_bytes=1,
    processes=1,
    open_files=16,
    disk_bytes=1,
    disk_inodes=16,
    output_bytes=1,
)


def job(name: str = "", runtime: str = "python", memory_bytes: int = 1) -> Job:
    limits = replace(_LIMITS, memory_bytes=memory_bytes)
    return Job(program=Program(source=name.encode(), runtime=runtime), limits=limits, isolation=IsolationPath.WARM)


def execution() -> Execution:
    return Execution(
        outcome=Outcome.SUCCEEDED,
        isolation=IsolationPath.COLD,
        exit_code=0,
        signal=None,
        stdout=b"",
        stderr=b"",
        stdout_truncated=False,
        stderr_truncated=False,
        exception=None,
        files={},
        skipped_files=(),
        usage=Usage(setup_seconds=0.5),
    )


class ScriptedSlot:
    """A slot whose jobs and renewals end when the test says so."""

    def __init__(self, number: int, order: list[str]) -> None:
        self.number = number
        self.order = order
        self.running: str | None = None
        self.gate = asyncio.Event()
        self.renewal_gate = asyncio.Event()
        self.renewal_gate.set()
        self.renewals = 0
        self.job_error: Exception | None = None
        self.runtimes = {"python"}
        self.renewal_error: Exception | None = None
        self.starts = 0
        self.stops = 0

    async def start(self) -> None:
        self.starts += 1

    def has_ready(self, job: Job) -> bool:
        return job.program.runtime in self.runtimes

    async def execute(self, job: Job, watch: Watch | None = None) -> Execution:
        assert self.running is None, "two jobs at once"
        self.running = job.program.source.decode()
        self.order.append(self.running)
        try:
            await self.gate.wait()
        finally:
            self.running = None
        if self.job_error is not None:
            raise self.job_error
        return execution()

    async def renew(self) -> None:
        assert self.running is None, "renewed while a job runs"
        await self.renewal_gate.wait()
        if self.renewal_error is not None:
            raise self.renewal_error
        self.renewals += 1

    async def stop(self) -> None:
        self.stops += 1


async def settle() -> None:
    """Let everything that can run, run."""
    for _ in range(50):
        await asyncio.sleep(0)


class Stage:
    """A pool with scripted slots, and the calls a test has open."""

    def __init__(self, slots: int, queue_size: int, spare_slots: int = 0) -> None:
        self.order: list[str] = []
        self.slots = [ScriptedSlot(number, self.order) for number in range(slots + spare_slots)]
        self.pool = Pool(self.slots, permits=slots, queue_size=queue_size, memory_bytes=1000)
        self.health: list[bool] = []
        self.pool.on_health = self.health.append
        self.calls: list[asyncio.Task[Execution]] = []

    def call(
        self,
        name: str = "",
        *,
        bounded: bool = True,
        caller: str = "",
        runtime: str = "python",
        memory_bytes: int = 1,
    ) -> asyncio.Task[Execution]:
        asked = job(name, runtime, memory_bytes)
        call = asyncio.create_task(_awaited(self.pool.execute(asked, caller=caller, bounded=bounded)))
        self.calls.append(call)
        return call

    @property
    def running(self) -> list[str]:
        return sorted(slot.running for slot in self.slots if slot.running is not None)

    async def close(self) -> None:
        for call in self.calls:
            call.cancel()
        await asyncio.gather(*self.calls, return_exceptions=True)
        await self.pool.stop()


async def _awaited(answer: Awaitable[Execution]) -> Execution:
    return await answer


@pytest_asyncio.fixture
async def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """One slot and room for two more, or what the test asks for."""
    monkeypatch.setattr(pool_module, "_RENEW_PAUSE_SECONDS", 0)
    made = Stage(*getattr(request, "param", (1, 2)))
    await made.pool.start()
    yield made
    await made.close()


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
    with pytest.raises(QueueFullError):
        await stage.call("c")
    first.renewal_error = None
    await settle()
    await stage.call("d")
    assert first.renewals == 1 + 1


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
