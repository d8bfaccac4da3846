"""Bounded output: a stream is drained whatever its length, and its head and tail are kept."""

import asyncio
import os
from collections.abc import Callable

_READ_BYTES = 65536
_READS_A_TURN = 16


class BoundedOutput:
    """Keeps all of a stream up to `limit` bytes; beyond that the first and the last half."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = bytearray()
        self._head_limit = limit // 2
        self._tail = bytearray()
        self._tail_limit = limit - self._head_limit
        self.total = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self.total += len(data)
        missing = self._head_limit - len(self._head)
        if missing > 0:
            self._head += data[:missing]
            data = data[missing:]
        self._tail += data
        if len(self._tail) > 2 * self._tail_limit + _READ_BYTES:
            del self._tail[: -self._tail_limit]

    @property
    def truncated(self) -> bool:
        """Whether the stream was longer than what is kept."""
        return self.total > self._limit

    def since(self, position: int, size: int) -> tuple[int, bytes]:
        """Up to `size` bytes of the stream from `position` on, and where they begin: later, if some were dropped."""
        if position < len(self._head):
            return position, bytes(self._head[position : position + size])
        tail_position = self.total - len(self._tail)
        start = max(0, position - tail_position)
        return tail_position + start, bytes(self._tail[start : start + size])

    def kept(self) -> bytes:
        """The stream, or its head and tail joined."""
        return bytes(self._head + self._tail[-self._tail_limit :])


class PipeReader:
    """Passes what arrives at a pipe's read end to `feed`: from start() as it comes, with drain() at once."""

    def __init__(self, descriptor: int, feed: Callable[[bytes], None]) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._started = False

    def start(self) -> None:
        """Read from now on, as the event loop finds time."""
        if not self._started:
            self._started = True
            self._loop.add_reader(self._descriptor, self._read, _READS_A_TURN)

    def _read(self, reads: int) -> bool:
        """Read up to `reads` times; whether there may be more."""
        for _ in range(reads):
            try:
                data = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                return False
            if not data:
                self._stop()
                return False
            self._feed(data)
        return True

    def look(self) -> None:
        """Read what has arrived, if that is not too much for one turn."""
        self._read(_READS_A_TURN)

    def drain(self) -> None:
        """Take all that has arrived; every writer must be dead, or this may not end."""
        while self._read(_READS_A_TURN):
            pass

    def close(self) -> None:
        """Stop reading, for good."""
        self._stop()
        os.close(self._descriptor)

    def _stop(self) -> None:
        if self._started:
            self._loop.remove_reader(self._descriptor)
