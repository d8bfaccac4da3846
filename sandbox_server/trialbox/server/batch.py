"""One stream of many requests: which are under way, and which answers go out together."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message
from google.rpc import status_pb2

from trialbox.server import status
from trialbox.server.validation import InvalidRequestError, Violation

# Answers of a busy stream wait for each other so long, since a message costs more than what is in it.
_GATHER_SECONDS = 0.01
_GATHERED_BYTES = 256 << 10
# What may wait for a caller who doesn't read: until they do, nothing more of theirs is begun.
_UNREAD_BYTES = 4 << 20


class _Identified(Protocol):
    @property
    def request_id(self) -> str:
        """The caller's name for the request."""


_Request = TypeVar("_Request", bound=_Identified)
_Response = TypeVar("_Response", bound=Message)
_Answer = TypeVar("_Answer", bound=Message)


async def answer_each(
    requests: AsyncIterator[_Request],
    answer: Callable[[_Request], Awaitable[_Response | status_pb2.Status]],
    envelope: Callable[..., _Answer],
    *,
    under_way: int,
    refuse: Callable[[Exception], status_pb2.Status] = status.of,
) -> AsyncIterator[list[_Answer]]:
    """Answer requests as they come, `under_way` at once at most; yields the answers for one message at a time.

    `envelope` makes an answer of a `request_id` and either a `response` or an `error`; `refuse` makes such an error.
    """
    room = asyncio.Semaphore(under_way)
    answers: _Gathering[_Answer] = _Gathering(room.locked)
    unanswered: set[str] = set()

    async def answer_one(request: _Request) -> None:
        try:
            result = await answer(request)
        finally:
            room.release()
        unanswered.discard(request.request_id)
        if isinstance(result, status_pb2.Status):
            answers.put(envelope(request_id=request.request_id, error=result))
        else:
            answers.put(envelope(request_id=request.request_id, response=result))

    async def read() -> None:
        async with asyncio.TaskGroup() as group:
            async for request in requests:
                await answers.room()
                if not request.request_id or request.request_id in unanswered:
                    problem = Violation(
                        "request_id",
                        f"is {request.request_id!r}; on a stream it must be one that no unanswered request has",
                    )
                    refusal = refuse(InvalidRequestError([problem]))
                    answers.put(envelope(request_id=request.request_id, error=refusal))
                    await asyncio.sleep(0)  # there may be very many
                    continue
                unanswered.add(request.request_id)
                await room.acquire()
                group.create_task(answer_one(request))

    reader = asyncio.create_task(read())
    reader.add_done_callback(lambda _: answers.end())
    try:
        while gathered := await answers.take():
            yield gathered
        await reader
    finally:
        # The caller is gone, or all is answered: in the first case programs must end.
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


class _Gathering(Generic[_Answer]):
    """Answers that wait to be sent; while `is_busy`, a moment for others to go with them."""

    def __init__(self, is_busy: Callable[[], bool]) -> None:
        self._is_busy = is_busy
        # Each with its size.
        self._waiting: deque[tuple[_Answer, int]] = deque()
        self._waiting_bytes = 0
        self._ended = False
        self._news = asyncio.Event()
        self._taken = asyncio.Event()

    def put(self, answer: _Answer) -> None:
        size = answer.ByteSize()
        self._waiting.append((answer, size))
        self._waiting_bytes += size
        self._news.set()

    async def room(self) -> None:
        """Wait while there is as much as should be."""
        while self._waiting_bytes > _UNREAD_BYTES:
            self._taken.clear()
            await self._taken.wait()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._news.set()

    async def take(self) -> list[_Answer]:
        """The answers for the next message; none when all have been taken and no more will come."""
        while not (self._waiting or self._ended):
            await self._wait()
        if self._is_busy():
            await self._gather()
        gathered: list[_Answer] = []
        total = 0
        while self._waiting:
            answer, size = self._waiting[0]
            total += size
            if gathered and total > _GATHERED_BYTES:
                break
            self._waiting.popleft()
            self._waiting_bytes -= size
            gathered.append(answer)
        self._taken.set()
        return gathered

    async def _gather(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _GATHER_SECONDS
        timer = loop.call_at(until, self._news.set)
        while self._is_busy() and not self._ended and loop.time() < until:
            await self._wait()
        timer.cancel()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()
