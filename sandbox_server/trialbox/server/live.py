"""Live output: what a caller has yet to hear of a program under way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from trialbox.server.model import IsolationPath
from trialbox.server.output import BoundedOutput

CHUNK_BYTES = 64 << 10
"""The most that one message carries."""
# What comes little by little waits for more so long, since a message costs more than what is in it.
_GATHER_SECONDS = 0.01


class Live:
    """Follows a program, for one reader who may be slow: it holds nothing but places in the program's own output.

    So a reader that falls behind costs the program no time, and the server no memory. What was dropped before it was
    read, as happens to the middle of output beyond the limit, is passed over.
    """

    def __init__(self) -> None:
        self._outputs: dict[str, BoundedOutput] = {}
        self._isolation: IsolationPath | None = None
        self._news = asyncio.Event()
        self._ended = asyncio.Event()

    def started(self, isolation: IsolationPath, stdout: BoundedOutput, stderr: BoundedOutput) -> None:
        """See Follower."""
        self._isolation = isolation
        self._outputs = {"stdout": stdout, "stderr": stderr}
        self._news.set()

    def wrote(self) -> None:
        """See Follower."""
        self._news.set()

    def end(self) -> None:
        """No more will come."""
        self._ended.set()
        self._news.set()

    async def start(self) -> IsolationPath | None:
        """Wait until the program was let go, and tell how it is isolated; None where it ended before."""
        await self._news.wait()
        return self._isolation

    async def chunks(self) -> AsyncIterator[tuple[str, int, bytes]]:
        """Tell what it puts out as it comes: the stream's name, where in the stream, and the bytes."""
        positions = {"stdout": 0, "stderr": 0}
        while True:
            ended = self._ended.is_set()
            self._news.clear()
            sizes = [0]
            for name, output in self._outputs.items():
                start, data = output.since(positions[name], CHUNK_BYTES)
                if data:
                    positions[name] = start + len(data)
                    sizes.append(len(data))
                    yield name, start, data
            if max(sizes) == CHUNK_BYTES:
                continue
            if ended and not max(sizes):
                return
            await (self._gather() if max(sizes) else self._news.wait())

    async def _gather(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GATHER_SECONDS):
                await self._ended.wait()
