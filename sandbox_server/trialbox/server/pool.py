"""The pool: hands each job to a free slot, in the order they came, and renews the slot after."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from trialbox.server.model import Execution, Job, SandboxBrokenError
from trialbox.server.watching import Watch

_RENEW_PAUSE_SECONDS = 0.5
_NO_SLOT = "no slot can be started; see the server's log"

_log = structlog.get_logger(__name__)


class Slot(Protocol):
    """A place where one job at a time can run."""

    number: int

    async def start(self) -> None:
        """Make ready for the first job; raises SandboxBrokenError."""

    async def execute(self, job: Job, watch: Watch | None = None) -> Execution:
        """Run a job; raises SandboxBrokenError, and WorkspaceError for files that don't fit."""

    async def renew(self) -> None:
        """End what ran, leave nothing of it, make ready for the next; raises SandboxBrokenError."""

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""


class QueueFullError(Exception):
    """More jobs wait than the server allows."""


class Pool:
    """Runs jobs on `slots`, as many at once; at most `queue_size` more may wait."""

    def __init__(self, slots: Sequence[Slot], *, queue_size: int) -> None:
        self._slots = slots
        self._queue_size = queue_size
        self._free: deque[Slot] = deque()
        self._waiting: deque[asyncio.Future[Slot]] = deque()
        self._broken: set[int] = set()
        self._renewals: set[asyncio.Task[None]] = set()

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return len(self._slots)

    async def start(self) -> None:
        """Start all slots at once; raises SandboxBrokenError when one can't."""
        started = await asyncio.gather(*(slot.start() for slot in self._slots), return_exceptions=True)
        for failure in started:
            if failure is not None:
                raise failure
        self._free.extend(self._slots)

    async def execute(self, job: Job, watch: Watch | None = None, *, bounded: bool = True) -> Execution:
        """Run a job as soon as a slot is free.

        Raises QueueFullError when too many wait already and `bounded` is set, and what
        Slot.execute raises. A cancelled call ends its program.
        """
        queued = time.monotonic()
        slot = await self._acquire(bounded)
        queue_seconds = time.monotonic() - queued
        try:
            execution = await slot.execute(job, watch)
        finally:
            renewal = asyncio.create_task(self._renew(slot))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._renewals.discard)
        return replace(execution, usage=replace(execution.usage, queue_seconds=queue_seconds))

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""
        for renewal in self._renewals:
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)
        await asyncio.gather(*(slot.stop() for slot in self._slots))

    async def _acquire(self, bounded: bool) -> Slot:
        if len(self._broken) == len(self._slots):
            raise SandboxBrokenError(_NO_SLOT)
        if self._free:
            return self._free.popleft()
        if bounded and len(self._waiting) >= self._queue_size:
            raise QueueFullError(f"{len(self._waiting)} requests wait already; the limit is {self._queue_size}")
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled() and turn.exception() is None:
                self._release(turn.result())
            raise

    def _release(self, slot: Slot) -> None:
        """Hand a slot to whoever waits longest, so that nobody who comes later passes."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else cancelled, and about to learn of it
                turn.set_result(slot)
                return
        self._free.append(slot)

    async def _renew(self, slot: Slot) -> None:
        while True:
            try:
                await slot.renew()
            except Exception as error:  # whatever it is, the slot must come back or be known as broken
                self._broken.add(slot.number)
                if len(self._broken) == len(self._slots):
                    for turn in self._waiting:
                        if not turn.done():
                            turn.set_exception(SandboxBrokenError(_NO_SLOT))
                    self._waiting.clear()
                _log.error("slot_broken", slot=slot.number, error=str(error))
                await asyncio.sleep(_RENEW_PAUSE_SECONDS)
            else:
                self._broken.discard(slot.number)
                self._release(slot)
                return
