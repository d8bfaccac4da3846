"""The pool: runs each job on a ready slot when its turn has come, and renews the slot after."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from trialbox.server.model import Execution, Job, SandboxBrokenError
from trialbox.server.scheduler import Scheduler
from trialbox.server.watching import Watch

_RENEW_PAUSE_SECONDS = 0.5
_NO_SLOT = "no slot can be started; see the server's log"

_log = structlog.get_logger(__name__)


class Slot(Protocol):
    """A place where one job at a time can run."""

    number: int

    def has_ready(self, job: Job) -> bool:
        """Whether it needs no preparation to run this job."""

    async def start(self) -> None:
        """Make ready for the first job; raises SandboxBrokenError."""

    async def execute(self, job: Job, watch: Watch | None = None) -> Execution:
        """Run a job; raises SandboxBrokenError, and WorkspaceError for files that don't fit."""

    async def renew(self) -> None:
        """End what ran, leave nothing of it, make ready for the next; raises SandboxBrokenError."""

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""


class Pool:
    """Runs jobs on `slots`, at most `permits` at once, as `queue_size` and `memory_bytes` of Scheduler allow.

    Slots beyond `permits` get ready for the next jobs while others run.
    """

    def __init__(self, slots: Sequence[Slot], *, permits: int, queue_size: int, memory_bytes: int) -> None:
        self._slots = slots
        self._permits = permits
        self._scheduler = Scheduler(permits=permits, queue_size=queue_size, memory_bytes=memory_bytes)
        self._ready: list[Slot] = []
        self._executing = 0
        # Permits of jobs that have ended, until there is a slot for who gets them.
        self._owed = 0
        self._broken: set[int] = set()
        self._renewals: set[asyncio.Task[None]] = set()
        self.on_health: Callable[[bool], Awaitable[None]] = _told_nobody
        """Told when the last working slot breaks, and when one works again."""

    @property
    def permits(self) -> int:
        """How many jobs run at once."""
        return self._permits

    async def start(self) -> None:
        """Start all slots at once; raises SandboxBrokenError when one can't."""
        started = await asyncio.gather(*(slot.start() for slot in self._slots), return_exceptions=True)
        for failure in started:
            if failure is not None:
                raise failure
        self._ready.extend(self._slots)

    async def execute(
        self, job: Job, watch: Watch | None = None, *, caller: str = "", bounded: bool = True
    ) -> Execution:
        """Run a job when its turn has come; `caller` is who takes turns with other callers.

        Where a slot broke before the program started the job runs on another, once for each
        slot at most and once more.

        Raises QueueFullError when too many wait already and `bounded` is set, and what
        Slot.execute raises. A cancelled call ends its program.
        """
        queue_seconds = 0.0
        attempts = len(self._slots) + 1
        for attempt in range(1, attempts + 1):
            queued = time.monotonic()
            if not self._works():
                raise SandboxBrokenError(_NO_SLOT)
            await self._scheduler.acquire(caller, job.limits.memory_bytes, bounded=bounded and attempt == 1)
            queue_seconds += time.monotonic() - queued
            try:
                execution = await self._execute(job, watch)
            except SandboxBrokenError as error:
                if error.started or attempt == attempts:
                    raise
                _log.warning("run_elsewhere", error=str(error))
            else:
                execution.usage.queue_seconds = queue_seconds
                return execution
        raise AssertionError("unreachable")

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""
        for renewal in self._renewals:
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)
        await asyncio.gather(*(slot.stop() for slot in self._slots))

    async def _execute(self, job: Job, watch: Watch | None) -> Execution:
        """Run a job whose turn has come."""
        slot = next((slot for slot in self._ready if slot.has_ready(job)), self._ready[0])
        self._ready.remove(slot)
        self._executing += 1
        try:
            return await slot.execute(job, watch)
        finally:
            self._executing -= 1
            self._owed += 1
            self._scheduler.return_memory(job.limits.memory_bytes)
            self._pay()
            renewal = asyncio.create_task(self._renew(slot))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._renewals.discard)

    def _pay(self) -> None:
        """Give permits back, as long as every free or just given one has a ready slot."""
        scheduler = self._scheduler
        while self._owed:
            about_to_execute = scheduler.running - self._owed - self._executing
            free = self._permits - scheduler.running
            if free + about_to_execute >= len(self._ready):
                return
            self._owed -= 1
            scheduler.release()

    async def _renew(self, slot: Slot) -> None:
        while True:
            try:
                await slot.renew()
            except Exception as error:  # whatever it is, the slot must come back or be known as broken
                worked = self._works()
                self._broken.add(slot.number)
                _log.error("slot_broken", slot=slot.number, error=str(error))
                if worked and not self._works():
                    self._scheduler.fail(SandboxBrokenError(_NO_SLOT))
                    await self.on_health(False)
                await asyncio.sleep(_RENEW_PAUSE_SECONDS)
            else:
                worked = self._works()
                self._broken.discard(slot.number)
                self._ready.append(slot)
                self._pay()
                if not worked:
                    await self.on_health(True)
                return

    def _works(self) -> bool:
        return len(self._broken) < len(self._slots)


async def _told_nobody(healthy: bool) -> None:
    pass
