"""Who runs next: callers take turns, each one's requests in the order they came, as memory allows."""

import asyncio
from collections import OrderedDict


class QueueFullError(Exception):
    """More jobs wait than the server allows."""


class TooLargeError(ValueError):
    """A job whose memory limit alone is above what all running jobs may have together."""


class Scheduler:
    """Gives permits to run: at most `permits` at once, their memory limits within `memory_bytes` together.

    Whoever is next in turn and doesn't fit beside what runs keeps its turn, and nobody passes: so large jobs
    get theirs too. For use on one event loop.
    """

    def __init__(self, *, permits: int, queue_size: int, memory_bytes: int) -> None:
        self._permits = permits
        self._queue_size = queue_size
        self._total_memory_bytes = memory_bytes
        self._running = 0
        self._used_memory_bytes = 0
        self._waiting = 0
        # By caller, the next in turn first, and each one's requests with their memory. A plain dict would be
        # ever slower to find its first key as those before it are deleted.
        self._lines: OrderedDict[str, OrderedDict[asyncio.Future[None], int]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many requests wait for a permit."""
        return self._waiting

    @property
    def running(self) -> int:
        """How many permits are given and not released."""
        return self._running

    @property
    def used_memory_bytes(self) -> int:
        """What the memory limits of all running jobs sum up to."""
        return self._used_memory_bytes

    async def acquire(self, caller: str, memory_bytes: int, *, bounded: bool = True) -> None:
        """Wait for a permit and memory; a cancelled call owes none.

        Raises:
            QueueFullError: It would have to wait, `bounded` is set, and `queue_size` requests wait already.
            TooLargeError: It would wait for ever.
            Exception: What `fail` was given.
        """
        if not self._lines and self._fits(memory_bytes):
            self._start(memory_bytes)
            return
        if memory_bytes > self._total_memory_bytes:
            raise TooLargeError(f"memory_bytes is {memory_bytes}; it must be from 1 to {self._total_memory_bytes}")
        if bounded and self._waiting >= self._queue_size:
            raise QueueFullError(f"{self._waiting} requests wait already; the limit is {self._queue_size}")
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(caller, OrderedDict())[turn] = memory_bytes
        self._waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._lines.get(caller, ()):
                self._leave(caller, turn)
                self._start_waiting()
            elif not turn.cancelled() and turn.exception() is None:
                self.release(memory_bytes)
            raise

    def release(self, memory_bytes: int) -> None:
        """Give back a permit and its memory; whoever can run now has its own when this returns."""
        self._running -= 1
        self._used_memory_bytes -= memory_bytes
        self._start_waiting()

    def fail(self, error: Exception) -> None:
        """Raise `error` in everyone who waits."""
        for line in self._lines.values():
            for turn in line:
                if not turn.done():  # else cancelled, and about to learn of it
                    turn.set_exception(error)
        self._lines.clear()
        self._waiting = 0

    def _fits(self, memory_bytes: int) -> bool:
        return self._running < self._permits and self._used_memory_bytes + memory_bytes <= self._total_memory_bytes

    def _start(self, memory_bytes: int) -> None:
        self._running += 1
        self._used_memory_bytes += memory_bytes

    def _start_waiting(self) -> None:
        """Start one after the other, until the next in turn doesn't fit."""
        while self._lines:
            caller, line = next(iter(self._lines.items()))
            turn, memory_bytes = next(iter(line.items()))
            if turn.done():  # cancelled, and about to learn of it: the turn is still its caller's
                self._leave(caller, turn)
            elif self._fits(memory_bytes):
                self._lines.move_to_end(caller)
                self._leave(caller, turn)
                self._start(memory_bytes)
                turn.set_result(None)
            else:
                return

    def _leave(self, caller: str, turn: asyncio.Future[None]) -> None:
        line = self._lines[caller]
        del line[turn]
        if not line:
            del self._lines[caller]
        self._waiting -= 1
