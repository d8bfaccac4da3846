"""Who runs next: tenants take turns, and so do the clients of each, as memory allows."""

import asyncio
import itertools
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from trialbox.server.model import THE_SERVER, Caller


class QueueFullError(Exception):
    """More jobs wait than the server allows."""


class QueueQuotaError(Exception):
    """More jobs of a tenant wait than its quota allows."""

    def __init__(self, queue_size: int) -> None:
        super().__init__(f"{queue_size} requests of this tenant wait already, as many as its quota queue_size allows")


class TooLargeError(ValueError):
    """A job whose memory limit alone is above what all running jobs may have together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of the server one tenant may have; None means all."""

    concurrency: int | None = None
    """Jobs that run at once."""
    queue_size: int | None = None
    """Jobs that wait; those of the server's own bound where this is None."""


_ALL = Share()


@dataclass(slots=True)
class _Line:
    """The requests of a tenant that wait."""

    # By client, the next in turn first, and each one's requests with their memory. A plain dict would be
    # ever slower to find its first key as those before it are deleted.
    clients: OrderedDict[str, OrderedDict[asyncio.Future[None], int]] = field(default_factory=OrderedDict)
    waiting: int = 0


class Scheduler:
    """Gives permits to run: at most `permits` at once, their memory limits within `memory_bytes` together.

    The next in turn is the tenant whose last turn was longest ago. Whoever is next and doesn't fit beside what runs
    keeps its turn, and nobody passes: so large jobs get theirs too. A tenant that runs as many jobs as its share
    allows loses its turn, and holds nobody up. Each tenant has a queue of its own: one that fills it takes no place
    from another. For use on one event loop.

    A program that runs isn't interrupted. So whoever runs already leaves the last free permit, of two or more, to a
    tenant that runs none and did within `reserved_seconds`: should it ask again, it needn't wait for an end.
    """

    def __init__(self, *, permits: int, queue_size: int, memory_bytes: int, reserved_seconds: float = 0.0) -> None:
        self._permits = permits
        self._reserved_seconds = reserved_seconds
        # When each tenant was last active, the latest last.
        self._active: OrderedDict[str, float] = OrderedDict()
        self._wake: asyncio.TimerHandle | None = None
        self._queue_size = queue_size
        self._total_memory_bytes = memory_bytes
        self._used_memory_bytes = 0
        self._shares: Mapping[str, Share] = {}
        # By tenant; those that have none are not kept.
        self._running: Counter[str] = Counter()
        self._lines: dict[str, _Line] = {}
        # When each had its last turn. A tenant that asks for one program after the other is away between them, and
        # would come behind whoever has just had a turn.
        self._last_turns: Counter[str] = Counter()
        self._turns = itertools.count(1)

    @property
    def waiting(self) -> int:
        """How many requests wait for a permit."""
        return sum(line.waiting for line in list(self._lines.values()))

    @property
    def running(self) -> int:
        """How many permits are given and not released."""
        return sum(list(self._running.values()))

    @property
    def used_memory_bytes(self) -> int:
        """What the memory limits of all running jobs sum up to."""
        return self._used_memory_bytes

    def by_tenant(self) -> dict[str, tuple[int, int]]:
        """How many jobs of each tenant run, and how many wait; may be called on any thread."""
        running, lines = dict(self._running), dict(self._lines)
        waiting = {tenant: line.waiting for tenant, line in lines.items()}
        return {tenant: (running.get(tenant, 0), waiting.get(tenant, 0)) for tenant in running | waiting}

    def share_out(self, shares: Mapping[str, Share]) -> None:
        """Set what tenants may have, by name; those left out may have all."""
        self._shares = shares
        self._start_waiting()

    async def acquire(self, caller: Caller, memory_bytes: int, *, bounded: bool = True) -> None:
        """Wait for a permit and memory; a cancelled call owes none.

        Raises:
            QueueFullError: It would have to wait, `bounded` is set, and `queue_size` of its tenant wait already.
            QueueQuotaError: So it would, and the tenant's share is smaller.
            TooLargeError: It would wait for ever.
            Exception: What `fail` was given.
        """
        tenant, client = caller
        if not self._lines and self._may_start(tenant, memory_bytes):
            self._start(tenant, memory_bytes)
            return
        if memory_bytes > self._total_memory_bytes:
            raise TooLargeError(f"memory_bytes is {memory_bytes}; it must be from 1 to {self._total_memory_bytes}")
        turn = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(tenant, _Line())
        line.clients.setdefault(client, OrderedDict())[turn] = memory_bytes
        line.waiting += 1
        self._start_waiting()
        if bounded and not turn.done():
            try:
                self._require_place(tenant, line.waiting - 1)
            except (QueueFullError, QueueQuotaError):
                self._leave(tenant, client, turn)
                raise
        try:
            await turn
        except asyncio.CancelledError:
            if tenant in self._lines and turn in self._lines[tenant].clients.get(client, ()):
                self._leave(tenant, client, turn)
                self._start_waiting()
            elif not turn.cancelled() and turn.exception() is None:
                self.release(caller, memory_bytes)
            raise

    def release(self, caller: Caller, memory_bytes: int) -> None:
        """Give back a permit and its memory; whoever can run now has its own when this returns."""
        self._running[caller.tenant] -= 1
        if not self._running[caller.tenant]:
            del self._running[caller.tenant]
        self._used_memory_bytes -= memory_bytes
        self._note_activity(caller.tenant)
        self._start_waiting()

    def fail(self, error: Exception) -> None:
        """Raise `error` in everyone who waits."""
        for line in self._lines.values():
            for turns in line.clients.values():
                for turn in turns:
                    if not turn.done():  # else cancelled, and about to learn of it
                        turn.set_exception(error)
        self._lines.clear()

    def _require_place(self, tenant: str, waiting: int) -> None:
        quota = self._shares.get(tenant, _ALL).queue_size
        if quota is not None and waiting >= quota:
            raise QueueQuotaError(quota)
        if waiting >= self._queue_size:
            raise QueueFullError(f"{waiting} requests wait already; the limit is {self._queue_size}")

    def _may_start(self, tenant: str, memory_bytes: int) -> bool:
        if not self._fits(memory_bytes) or self._is_at_its_share(tenant):
            return False
        return not self._running[tenant] or not self._kept_until()

    def _is_at_its_share(self, tenant: str) -> bool:
        concurrency = self._shares.get(tenant, _ALL).concurrency
        return concurrency is not None and self._running[tenant] >= concurrency

    def _fits(self, memory_bytes: int) -> bool:
        return (
            self._running.total() < self._permits and self._used_memory_bytes + memory_bytes <= self._total_memory_bytes
        )

    def _kept_until(self) -> float:
        """Until when, by the loop's clock, the last free permit is kept from those who run; 0 where it isn't."""
        if self._active and self._running.total() == self._permits - 1:
            for tenant, active in reversed(self._active.items()):
                if not self._running[tenant]:
                    until = active + self._reserved_seconds
                    return until if until > asyncio.get_running_loop().time() else 0.0
        return 0.0

    def _note_activity(self, tenant: str) -> None:
        if self._reserved_seconds and tenant != THE_SERVER.tenant:
            self._active[tenant] = asyncio.get_running_loop().time()
            self._active.move_to_end(tenant)

    def _start(self, tenant: str, memory_bytes: int) -> None:
        self._running[tenant] += 1
        self._last_turns[tenant] = next(self._turns)
        self._used_memory_bytes += memory_bytes
        self._note_activity(tenant)

    def _start_waiting(self) -> None:
        """Start one after the other, until the next in turn doesn't fit, or all who wait run what they may."""
        while self._running.total() < self._permits and (found := self._next()) is not None:
            tenant, client, turn, memory_bytes = found
            if turn.done():  # cancelled, and about to learn of it: the turn is still its caller's
                self._leave(tenant, client, turn)
            elif self._fits(memory_bytes):
                self._lines[tenant].clients.move_to_end(client)
                self._leave(tenant, client, turn)
                self._start(tenant, memory_bytes)
                turn.set_result(None)
            else:
                return

    def _next(self) -> tuple[str, str, asyncio.Future[None], int] | None:
        """The next in turn; those before it that run what they may lose their turn.

        Whom the last permit is kept from is passed as well, and keeps its turn.
        """
        kept_until = self._kept_until()
        for tenant in sorted(self._lines, key=self._last_turns.__getitem__):
            if self._is_at_its_share(tenant):
                self._last_turns[tenant] = next(self._turns)
                continue
            client, turns = next(iter(self._lines[tenant].clients.items()))
            turn, memory_bytes = next(iter(turns.items()))
            # One that waits for memory isn't passed because of the permit.
            if kept_until and self._running[tenant] and self._fits(memory_bytes):
                self._look_again_at(kept_until)
                continue
            return tenant, client, turn, memory_bytes
        return None

    def _look_again_at(self, time: float) -> None:
        if self._wake is None:
            self._wake = asyncio.get_running_loop().call_at(time, self._look_again)

    def _look_again(self) -> None:
        self._wake = None
        self._start_waiting()

    def _leave(self, tenant: str, client: str, turn: asyncio.Future[None]) -> None:
        line = self._lines[tenant]
        turns = line.clients[client]
        del turns[turn]
        line.waiting -= 1
        if not turns:
            del line.clients[client]
        if not line.clients:
            del self._lines[tenant]
