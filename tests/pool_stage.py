"""A pool whose slots do what a test says."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

from trialbox.server.model import Caller, Execution, IsolationPath, Job, Limits, Outcome, Program, Usage
from trialbox.server.pool import Pool
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
        self.pool.on_health = self.hear_of_health
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
        call = asyncio.create_task(_awaited(self.pool.execute(asked, caller=Caller("", caller), bounded=bounded)))
        self.calls.append(call)
        return call

    def hear_of_health(self, healthy: bool) -> None:
        self.health.append(healthy)

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
