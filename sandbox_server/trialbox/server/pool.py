"""The pool: runs each job on a ready slot when its turn has come, and renews the slot after."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from trialbox.server.model import THE_SERVER, Caller, Execution, Job, SandboxBrokenError
from trialbox.server.scheduler import Scheduler, Share
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """How things stand at one moment."""

    waiting: int
    """Requests whose turn has not come."""
    running: int
    """Requests whose turn has come."""
    memory_bytes: int
    """What the memory limits of those sum up to."""
    ready: int
    """Slots that could run a job at once; the next three are the other slots."""
    busy: int
    starting: int
    broken: int


class Pool:
    """Runs jobs on `slots`, at most `permits` at once, as Scheduler allows.

    Slots beyond `permits` get ready for the next jobs while others run.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        *,
        permits: int,
        queue_size: int,
        memory_bytes: int,
        reserved_seconds: float = 0.0,
    ) -> None:
        self._slots = slots
        self._permits = permits
        self._scheduler = Scheduler(
            permits=permits, queue_size=queue_size, memory_bytes=memory_bytes, reserved_seconds=reserved_seconds
        )
        self._ready: list[Slot] = []
        # Those whose turn has come, until a slot is ready.
        self._waiting: deque[asyncio.Future[Slot]] = deque()
        self._broken: set[int] = set()
        self._renewals: set[asyncio.Task[None]] = set()
        self.on_health: Callable[[bool], object] = lambda working: None
        """Told when the last working slot breaks, and when one works again."""

    @property
    def permits(self) -> int:
        """How many jobs run at once."""
        return self._permits

    def state(self) -> PoolState:
        """Say how things stand; may be called on any thread."""
        ready, broken, renewing = len(self._ready), len(self._broken), len(self._renewals)
        return PoolState(
            waiting=self._scheduler.waiting,
            running=self._scheduler.running,
            memory_bytes=self._scheduler.used_memory_bytes,
            ready=ready,
            busy=max(0, len(self._slots) - ready - renewing),
            starting=max(0, renewing - broken),  # one that is broken is renewed until it works
            broken=broken,
        )

    def share_out(self, shares: Mapping[str, Share]) -> None:
        """Set what tenants may have of it, by name; those left out may have all."""
        self._scheduler.share_out(shares)

    def by_tenant(self) -> dict[str, tuple[int, int]]:
        """How many requests of each tenant run, and how many wait; may be called on any thread."""
        return self._scheduler.by_tenant()

    async def start(self) -> None:
        """Start all slots at once; raises SandboxBrokenError when one can't."""
        started = await asyncio.gather(*(slot.start() for slot in self._slots), return_exceptions=True)
        for failure in started:
            if failure is not None:
                raise failure
        self._ready.extend(self._slots)

    async def execute(
        self, job: Job, watch: Watch | None = None, *, caller: Caller = THE_SERVER, bounded: bool = True
    ) -> Execution:
        """Run a job when its turn has come; raises what `permit` and Permit.execute raise."""
        async with self.permit(job.limits.memory_bytes, caller=caller, bounded=bounded) as permit:
            return await permit.execute(job, watch)

    @asynccontextmanager
    async def permit(
        self, memory_bytes: int, *, caller: Caller = THE_SERVER, bounded: bool = True
    ) -> AsyncIterator["Permit"]:
        """Wait for the turn of `caller`, who takes turns with other callers, to run jobs of this size, one at a time.

        Raises QueueFullError and QueueQuotaError when too many wait already and `bounded` is set, TooLargeError, and
        SandboxBrokenError when no slot works.
        """
        queued = time.monotonic()
        if not self._works():
            raise SandboxBrokenError(_NO_SLOT)
        await self._scheduler.acquire(caller, memory_bytes, bounded=bounded)
        try:
            yield Permit(self, time.monotonic() - queued)
        finally:
            self._scheduler.release(caller, memory_bytes)

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""
        for renewal in self._renewals:
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)
        await asyncio.gather(*(slot.stop() for slot in self._slots))

    async def execute_permitted(self, job: Job, watch: Watch | None) -> Execution:
        """Run a job whose turn has come."""
        queued = time.monotonic()
        slot = await self._take_ready(job)
        queue_seconds = time.monotonic() - queued
        try:
            execution = await slot.execute(job, watch)
        finally:
            renewal = asyncio.create_task(self._renew(slot))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._renewals.discard)
        execution.usage.queue_seconds = queue_seconds
        return execution

    async def _take_ready(self, job: Job) -> Slot:
        if not self._works():
            raise SandboxBrokenError(_NO_SLOT)
        if self._ready:
            slot = next((slot for slot in self._ready if slot.has_ready(job)), self._ready[0])
            self._ready.remove(slot)
            return slot
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give(turn.result())
            raise

    def _give(self, slot: Slot) -> None:
        """Let the next in turn have a ready slot."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else cancelled
                turn.set_result(slot)
                return
        self._ready.append(slot)

    async def _renew(self, slot: Slot) -> None:
        while True:
            try:
                await slot.renew()
            except Exception as error:  # whatever it is, the slot must come back or be known as broken
                worked = self._works()
                if slot.number not in self._broken:
                    self._broken.add(slot.number)
                    _log.error("slot_broken", slot=slot.number, error=str(error))
                if worked and not self._works():
                    self._scheduler.fail(SandboxBrokenError(_NO_SLOT))
                    self._fail_waiting()
                    self.on_health(False)
                await asyncio.sleep(_RENEW_PAUSE_SECONDS)
            else:
                worked = self._works()
                if slot.number in self._broken:
                    self._broken.discard(slot.number)
                    _log.info("slot_renewed", slot=slot.number)
                self._give(slot)
                if not worked:
                    self.on_health(True)
                return

    def _fail_waiting(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(SandboxBrokenError(_NO_SLOT))

    @property
    def attempts(self) -> int:
        """How often a job is begun at most whose slot broke before its program had started."""
        return len(self._slots) + 1

    def _works(self) -> bool:
        return len(self._broken) < len(self._slots)


class Permit:
    """The right to run jobs, one at a time."""

    def __init__(self, pool: Pool, queue_seconds: float) -> None:
        self.waited_seconds = queue_seconds
        """How long its turn took to come."""
        self._pool = pool
        self._queue_seconds = queue_seconds

    async def execute(self, job: Job, watch: Watch | None = None) -> Execution:
        """Run a job on a ready slot; a cancelled call ends its program.

        Where a slot broke before the program started the job runs on another, once for each
        slot at most and once more. Raises what Slot.execute raises.
        """
        for attempt in range(1, self._pool.attempts + 1):
            try:
                execution = await self._pool.execute_permitted(job, watch)
            except SandboxBrokenError as error:
                if error.started or attempt == self._pool.attempts:
                    raise
                _log.warning("run_elsewhere", error=str(error))
            else:
                execution.usage.queue_seconds += self._queue_seconds
                self._queue_seconds = 0.0
                return execution
        raise AssertionError("unreachable")
