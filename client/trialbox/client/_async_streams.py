"""One stream of many requests, for asyncio: it does what `Flight` decides."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Any

import grpc
import grpc.aio

from trialbox.client._errors import SandboxError
from trialbox.client._wire.flight import Flight, Item, Result
from trialbox.client._wire.status import client_closed, error_of_call, silence, stream_ended

_HIDDEN_STATUS = "Internal error from Core"

OpenCall = Callable[[AsyncIterator[Any]], Any]


class _Stream:
    """An open stream, and the task that reads it."""

    def __init__(self, open_call: OpenCall, inbox: deque[Any], wake: asyncio.Event) -> None:
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        self.send = self._outbox.put_nowait
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
                inbox.append(answer)
                wake.set()
            end: SandboxError = stream_ended()
        except grpc.aio.AioRpcError as error:
            # A write that fails because the stream is over hides how it ended (grpc/grpc#36066).
            end = stream_ended() if error.details() == _HIDDEN_STATUS else error_of_call(error)
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
) -> AsyncGenerator[Result | SandboxError, None]:
    """Send the items of an input and yield what comes of each.

    The input is read only while the caller waits for a result.

    Raises:
        SandboxError: The stream failed for a reason that sending again can't help, or nothing was heard for
            `patience_seconds`.
    """
    loop = asyncio.get_running_loop()
    source = _each(items)
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
            for message in flight.take_due(loop.time()):
                stream = stream or _Stream(open_call, inbox, wake)
                stream.send(message)
            if pulling is None and flight.has_room and not is_exhausted:
                pulling = asyncio.create_task(_next(source))
                pulling.add_done_callback(lambda _: wake.set())
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
        await source.aclose()
        if stream:
            await stream.close()


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


async def _each(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncGenerator[Item, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
