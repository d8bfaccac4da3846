"""The books of one `run_many` or `evaluate_many`: what is unanswered, and whose turn it is."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from grpc import StatusCode

from trialbox.client._errors import InternalError, QueueFullError, SandboxError
from trialbox.client._wire.channel import MAX_ATTEMPTS
from trialbox.client._wire.patience import pause_seconds
from trialbox.client._wire.requests import check_in_flight
from trialbox.client._wire.status import error_of_status

IN_FLIGHT = 64
_SENT = -math.inf
# A message of many small requests costs little more than one of a single one; large ones gain nothing.
_MESSAGE_BYTES = 256 << 10

Item = TypeVar("Item")
Request = TypeVar("Request")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Batch(Generic[Item, Request, Result]):
    """How one kind of stream is written and read."""

    request_of: Callable[[Item], Request]
    """Writes the request for one item of the input; may raise SandboxError."""
    framed: Callable[[list[Request]], Any]
    """Puts requests into the stream's own message."""
    result_of: Callable[[Request, Any, int | None], Result]
    """Reads the answer to the request at an index, None outside a stream; may raise SandboxError."""
    mend: Callable[[Request, SandboxError], bool] = lambda request, error: False
    """Changes a request so that the error won't come again; whether it could."""
    forget: Callable[[Request], object] = lambda request: None
    """Told of each request that has its final answer."""


@dataclass(slots=True)
class _Entry(Generic[Request]):
    """A request without a final answer; `due_seconds` says when to send it, or that it is with the server."""

    request: Request
    index: int
    due_seconds: float
    failures: int = 0


class Flight(Generic[Item, Request, Result]):
    """Decides what to send when, what to send again, and what to hand out next.

    A request that met a retryable error goes out again under the same request id, up to five times and after
    a growing pause. A full queue is no failure but a wait, so it is asked again as often as it takes.
    Times are seconds on the caller's own clock.
    """

    def __init__(self, batch: Batch[Item, Request, Result], *, in_flight: int, ordered: bool, retry: bool) -> None:
        """Start with nothing in flight; raises InvalidRequestError where nothing ever could be."""
        check_in_flight(in_flight)
        self._batch = batch
        self._in_flight = in_flight
        self._ordered = ordered
        self._retry = retry
        self._added = 0
        self._handed_out = 0
        self._unanswered: dict[str, _Entry[Request]] = {}
        self._unsent: list[_Entry[Request]] = []
        self._finished: dict[int, Result | SandboxError] = {}

    @property
    def has_room(self) -> bool:
        """Whether one more item may be added. A result that waits for its turn takes room too."""
        return len(self._unanswered) + len(self._finished) < self._in_flight

    @property
    def is_waiting(self) -> bool:
        """Whether some request has no final answer yet."""
        return bool(self._unanswered)

    def add(self, item: Item, now: float) -> None:
        """Take the next item of the input."""
        index = self._added
        self._added += 1
        try:
            request: Any = self._batch.request_of(item)
        except SandboxError as error:
            error.index = index
            self._finished[index] = error
        else:
            entry: _Entry[Request] = _Entry(request, index, due_seconds=now)
            self._unanswered[request.request_id] = entry
            self._unsent.append(entry)

    def take_due(self, now: float) -> list[Any]:
        """Give the stream's messages that should be sent now; they count as sent."""
        due = [entry for entry in self._unsent if entry.due_seconds <= now]
        self._unsent = [entry for entry in self._unsent if entry.due_seconds > now]
        messages: list[list[Request]] = []
        message_bytes = math.inf
        for entry in due:
            entry.due_seconds = _SENT
            request: Any = entry.request
            message_bytes += request.ByteSize()
            if message_bytes > _MESSAGE_BYTES:
                messages.append([])
                message_bytes = request.ByteSize()
            messages[-1].append(request)
        return [self._batch.framed(requests) for requests in messages]

    def next_due_seconds(self) -> float:
        """When something has to be sent next; infinity where nothing has."""
        return min((entry.due_seconds for entry in self._unsent), default=math.inf)

    def receive(self, message: Any, now: float) -> bool:
        """Take the answers of one message from the stream; returns whether any was final.

        Raises:
            InternalError: One answers nothing that was asked.
        """
        return sum(self._receive(answer, now) for answer in message.answers) > 0

    def _receive(self, answer: Any, now: float) -> bool:
        entry = self._unanswered.get(answer.request_id)
        if entry is None or not answer.WhichOneof("result"):
            raise InternalError(
                f"the server answered {answer.request_id!r}, or nothing, to a stream that didn't ask for it",
                code=StatusCode.INTERNAL,
                reason="UNKNOWN_ANSWER",
            )
        if answer.WhichOneof("result") == "error":
            return self._fail(entry, error_of_status(answer.error, answer.request_id, entry.index), now)
        try:
            result: Result | SandboxError = self._batch.result_of(entry.request, answer.response, entry.index)
        except SandboxError as error:
            error.index = entry.index
            result = error
        return self._finish(entry, result)

    def lose_stream(self, error: SandboxError, now: float) -> None:
        """Take the end of the stream: what was sent and not answered is sent again or fails.

        Raises:
            SandboxError: `error` itself, where sending again can't help.
        """
        if not error.retryable:
            raise error
        for entry in [entry for entry in self._unanswered.values() if entry.due_seconds == _SENT]:
            mine = copy.copy(error)
            mine.request_id, mine.index = self._id(entry), entry.index
            self._fail(entry, mine, now)

    def results(self) -> Iterator[Result | SandboxError]:
        """Hand out what is finished, in the input's order where that was asked for."""
        while self._finished:
            index = self._handed_out if self._ordered else next(iter(self._finished))
            if index not in self._finished:
                return
            self._handed_out += 1
            yield self._finished.pop(index)

    def _fail(self, entry: _Entry[Request], error: SandboxError, now: float) -> bool:
        if self._batch.mend(entry.request, error):
            entry.due_seconds = now
            self._unsent.append(entry)
            return False
        is_wait = isinstance(error, QueueFullError)
        entry.failures += not is_wait
        if not (self._retry and error.retryable and entry.failures < MAX_ATTEMPTS):
            return self._finish(entry, error)
        entry.due_seconds = now + pause_seconds(error, entry.failures)
        self._unsent.append(entry)
        return False

    def _finish(self, entry: _Entry[Request], result: Result | SandboxError) -> bool:
        del self._unanswered[self._id(entry)]
        self._batch.forget(entry.request)
        self._finished[entry.index] = result
        return True

    @staticmethod
    def _id(entry: _Entry[Any]) -> str:
        request_id: str = entry.request.request_id
        return request_id
