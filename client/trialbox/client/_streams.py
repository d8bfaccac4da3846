"""One stream of many requests, synchronously: it does what `Flight` decides."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

import grpc

from trialbox.client._errors import SandboxError
from trialbox.client._interrupts import held_interrupts
from trialbox.client._wire.flight import Flight, Item, Result
from trialbox.client._wire.reach import Reach
from trialbox.client._wire.status import silence, stream_ended

OpenCall = Callable[[Iterator[Any]], Any]


class _Stream:
    """An open stream. A thread reads it, so that waiting for an answer can have an end."""

    def __init__(self, open_call: OpenCall, inbox: "queue.SimpleQueue[Any]", reach: Reach) -> None:
        self._outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.send = self._outbox.put
        self._reach = reach
        self._call = open_call(iter(self._outbox.get, None))
        threading.Thread(target=self._read, args=(inbox,), name="trialbox-stream", daemon=True).start()

    def close(self) -> None:
        self._call.cancel()

    def _read(self, inbox: "queue.SimpleQueue[Any]") -> None:
        try:
            for answer in self._call:
                self._reach.was_reached = True
                inbox.put(answer)
            inbox.put(stream_ended())
        except grpc.RpcError as error:
            inbox.put(self._reach.error_of_call(error))
        finally:
            # gRPC's own thread waits for the next message, whatever has become of the call.
            self._outbox.put(None)


def fly(
    open_call: OpenCall,
    items: Iterable[Item],
    flight: Flight[Item, Any, Result],
    patience_seconds: float,
    reach: Reach,
) -> Generator[Result | SandboxError, None, None]:
    """Send the items of an input and yield what comes of each.

    The input is read in the caller's thread, and only while the caller waits for a result. Anything but a
    sequence is read one item at a time, since it may take its time: that holds up neither what it gave before
    nor the answers to that.

    Raises:
        SandboxError: The stream failed for a reason that sending again can't help, or nothing was heard for
            `patience_seconds`.
    """
    source = iter(items)
    is_sequence = isinstance(items, Sequence)
    is_exhausted = False
    # Only one reader writes to it at a time: a stream's last word is its end.
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stream: _Stream | None = None
    heard_seconds = time.monotonic()
    try:
        while True:
            for result in flight.results():
                yield result
                heard_seconds = time.monotonic()
            has_read = False
            while flight.has_room and not is_exhausted and inbox.empty():
                has_read = True
                try:
                    flight.add(next(source), time.monotonic())
                except StopIteration:
                    is_exhausted = True
                if not is_sequence:
                    break
            for message in flight.take_due(time.monotonic()):
                if stream is None:
                    with held_interrupts():
                        stream = _Stream(open_call, inbox, reach)
                stream.send(message)
            if has_read:
                heard_seconds = time.monotonic()
                continue
            if is_exhausted and not flight.is_waiting:
                return
            patience_ends = heard_seconds + patience_seconds
            wake_seconds = min(patience_ends, flight.next_due_seconds())
            try:
                news = inbox.get(timeout=max(0.0, wake_seconds - time.monotonic()))
            except queue.Empty:
                if wake_seconds == patience_ends:
                    raise silence(patience_seconds) from None
                continue
            if isinstance(news, SandboxError):
                stream = None
                flight.lose_stream(news, time.monotonic())
            elif flight.receive(news, time.monotonic()):
                heard_seconds = time.monotonic()
    finally:
        if stream:
            stream.close()
