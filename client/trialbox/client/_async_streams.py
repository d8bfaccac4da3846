"""One stream of many requests, for asyncio: it does what `Flight` decides."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import grpc
import grpc.aio

from trialbox.client._errors import SandboxError
from trialbox.client._wire.flight import Flight, Item, Result
from trialbox.client._wire.reach import Reach
from trialbox.client._wire.status import client_closed, silence, stream_ended

# How long an input may hold up the event loop at a time.
_FILL_SECONDS = 0.005
_HIDDEN_STATUS = "Internal error from Core"

OpenCall = Callable[[AsyncIterator[Any]], Any]


class _Stream:
    """An open stream, and the task that reads it."""

    def __init__(self, open_call: OpenCall, inbox: deque[Any], wake: asyncio.Event, reach: Reach) -> None:
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        self.send = self._outbox.put_nowait
        self._reach = reach
        self._call = open_call(self._messages())
        self._reader = asyncio.create_task(self._read(inbox, wake))

    async def close(self) -> None:
        self._call.cancel()
        self._reader.cancel()
        await asyncio.wait({self._reader})

    async def _messages(self) -> AsyncIterator[Any]:
        while (message := await self._outbox.get()) is not None:
            yield message

    async def _read(self, inbox: deque[Any], wake: asyncio.Event) -> None:
        try:
            async for answer in self._call:
                self._reach.was_reached = True
                inbox.append(answer)
                wake.set()
            end: SandboxError = stream_ended()
        except grpc.aio.AioRpcError as error:
            # A write that fails because the stream is over hides how it ended (grpc/grpc#36066).
            end = stream_ended() if error.details() == _HIDDEN_STATUS else self._reach.error_of_call(error)
        except asyncio.CancelledError:
            # Without a request to this task, gRPC says so that the channel was closed.
            if self._reader.cancelling():
                raise
            end = client_closed()
        finally:
            # gRPC's own task waits for the next message, whatever has become of the call.
            self.send(None)
        inbox.append(end)
        wake.set()


async def fly(
    open_call: OpenCall,
    items: Iterable[Item] | AsyncIterable[Item],
    flight: Flight[Item, Any, Result],
    patience_seconds: float,
    reach: Reach,
) -> AsyncGenerator[Result | SandboxError, None]:
    """Send the items of an input and yield what comes of each.

    The input is read only while the caller waits for a result; of what isn't asynchronous, as much at a time
    as there is room for and as comes quickly.

    Raises:
        SandboxError: The stream failed for a reason that sending again can't help, or nothing was heard for
            `patience_seconds`.
    """
    loop = asyncio.get_running_loop()
    source = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
    is_exhausted = False
    pulling: asyncio.Task[Item | _End] | None = None
    inbox: deque[Any] = deque()
    wake = asyncio.Event()
    stream: _Stream | None = None
    heard_seconds = loop.time()
    try:
        while True:
            for result in flight.results():
                yield result
                heard_seconds = loop.time()
            has_read = False
            if flight.has_room and not is_exhausted:
                if isinstance(source, Iterator):
                    is_exhausted = not _fill(flight, source, loop.time)
                    has_read = True
                elif pulling is None:
                    pulling = asyncio.create_task(_next(source))
                    pulling.add_done_callback(lambda _: wake.set())
            for message in flight.take_due(loop.time()):
                stream = stream or _Stream(open_call, inbox, wake, reach)
                stream.send(message)
            if has_read:
                heard_seconds = loop.time()
                await asyncio.sleep(0)
                continue
            if is_exhausted and not flight.is_waiting:
                return
            patience_ends = heard_seconds + patience_seconds if flight.is_waiting else math.inf
            await _sleep(wake, min(patience_ends, flight.next_due_seconds()))
            if pulling and pulling.done():
                item, pulling = pulling.result(), None
                if isinstance(item, _End):
                    is_exhausted = True
                else:
                    flight.add(item, loop.time())
                heard_seconds = loop.time()
            elif not inbox and loop.time() >= patience_ends:
                raise silence(patience_seconds)
            while inbox:
                news = inbox.popleft()
                if isinstance(news, SandboxError):
                    stream = None
                    flight.lose_stream(news, loop.time())
                elif flight.receive(news, loop.time()):
                    heard_seconds = loop.time()
    finally:
        if pulling:
            pulling.cancel()
            await asyncio.wait({pulling})
        if stream:
            await stream.close()


def _fill(flight: Flight[Item, Any, Result], source: Iterator[Item], clock: Callable[[], float]) -> bool:
    """Take items while there is room, for a moment at most; returns whether there may be more."""
    until_seconds = clock() + _FILL_SECONDS
    while flight.has_room and clock() < until_seconds:
        try:
            flight.add(next(source), clock())
        except StopIteration:
            return False
    return True


class _End:
    """The input has no more items."""


async def _next(source: AsyncIterator[Item]) -> Item | _End:
    # An exhausted iterator's own exception can't leave a task.
    try:
        return await anext(source)
    except StopAsyncIteration:
        return _End()


async def _sleep(wake: asyncio.Event, until_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    timer = loop.call_at(until_seconds, wake.set) if until_seconds < math.inf else None
    try:
        await wake.wait()
    finally:
        wake.clear()
        if timer:
            timer.cancel()
