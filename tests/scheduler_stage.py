"""A scheduler, and the jobs that ask it for permits."""

import asyncio

import pytest

from trialbox.server.model import Caller
from trialbox.server.scheduler import Scheduler

MEMORY_BYTES = 6
TAKER = Caller("", "taker")


class BrokenError(Exception):
    """What a scheduler is told to fail with."""


async def settle() -> None:
    """Let everything that can run, run."""
    for _ in range(6):
        await asyncio.sleep(0)


class Stage:
    """A scheduler, and what the jobs of a test have got from it."""

    def __init__(
        self,
        permits: int = 1,
        queue_size: int = 100,
        memory_bytes: int = MEMORY_BYTES,
        reserved_seconds: float = 0.0,
    ) -> None:
        self.scheduler = Scheduler(
            permits=permits, queue_size=queue_size, memory_bytes=memory_bytes, reserved_seconds=reserved_seconds
        )
        self.started: list[str] = []
        self.running: dict[str, int] = {}
        self._tenants: dict[str, str] = {}

    def ask(
        self, name: str, memory_bytes: int = 1, *, caller: str | None = None, tenant: str = "", bounded: bool = True
    ) -> asyncio.Task[None]:
        """Have a job wait for its permit; the client is the first letter of its name unless given."""
        return asyncio.create_task(self._run(Caller(tenant, caller or name[0]), name, memory_bytes, bounded))

    async def asked(self, *names: str) -> list[asyncio.Task[None]]:
        """Ask for small jobs and let them run, or wait."""
        tasks = [self.ask(name) for name in names]
        await settle()
        return tasks

    def end(self, name: str) -> None:
        self.scheduler.release(Caller(self._tenants.pop(name), ""), self.running.pop(name))

    async def run_all(self) -> None:
        """End one job after the other until none runs."""
        while self.running:
            self.end(next(iter(self.running)))
            await settle()

    def facts(self) -> tuple[int, int, int]:
        return self.scheduler.running, self.scheduler.used_memory_bytes, self.scheduler.waiting

    async def _run(self, caller: Caller, name: str, memory_bytes: int, bounded: bool) -> None:
        await self.scheduler.acquire(caller, memory_bytes, bounded=bounded)
        self.running[name] = memory_bytes
        self._tenants[name] = caller.tenant
        self.started.append(name)


def take(scheduler: Scheduler, memory_bytes: int = 1) -> None:
    """Take a permit that is free, without an event loop."""
    with pytest.raises(StopIteration):
        scheduler.acquire(TAKER, memory_bytes).send(None)
