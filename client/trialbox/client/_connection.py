"""The synchronous side of the wire: calls, streams and their ends."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import grpc

from trialbox.client._errors import QueueFullError, SandboxError
from trialbox.client._interrupts import held_interrupts
from trialbox.client._streams import fly
from trialbox.client._wire.batches import is_result
from trialbox.client._wire.channel import Endpoint
from trialbox.client._wire.flight import Flight, Item, Result
from trialbox.client._wire.patience import Patience
from trialbox.client._wire.reach import Reach
from trialbox.client._wire.status import client_closed, stream_ended
from trialbox.v1.sandbox_service_pb2 import ExecuteRequest, ExecuteStreamRequest, ExecuteStreamResponse
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceStub


class Connection:
    """A channel to a service. Whatever gRPC raises leaves it as a SandboxError."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Make the channel; the connection is made by the first call."""
        credentials = endpoint.credentials()
        self._channel = (
            grpc.secure_channel(endpoint.address, credentials, endpoint.options())
            if credentials
            else grpc.insecure_channel(endpoint.address, endpoint.options())
        )
        self._stub = SandboxServiceStub(self._channel)
        self._metadata = endpoint.metadata
        self._reach = Reach(endpoint)
        self._retry = endpoint.retry
        self._closed = threading.Event()

    def call(self, method: str, request: Any, seconds: float) -> Any:
        """Call a method of the service and wait for its answer, at most `seconds`."""
        patience = Patience(seconds, retry=self._retry)
        while True:
            try:
                return self._answer(method, request, patience)
            except QueueFullError as error:
                self._closed.wait(patience.pause_seconds(error))

    def events(self, request: ExecuteRequest, seconds: float) -> Generator[ExecuteStreamResponse, None, None]:
        """Run one program and yield what happens to it, for at most `seconds`; leaving early ends it."""
        patience = Patience(seconds, retry=self._retry)
        while True:
            try:
                # A program is refused before its first event, or never, so nothing is told twice.
                return (yield from self._events(request, patience))
            except QueueFullError as error:
                self._closed.wait(patience.pause_seconds(error))

    def _answer(self, method: str, request: Any, patience: Patience) -> Any:
        self._check_open()
        call = None
        try:
            with held_interrupts():
                call = getattr(self._stub, method).future(
                    request, timeout=patience.left_seconds(), metadata=self._metadata()
                )
            answer = call.result()
            self._reach.was_reached = True
            return answer
        except grpc.RpcError as error:
            # Only a question about the server itself goes by no name.
            raise self._failure(error, method, patience.seconds, getattr(request, "request_id", "")) from error
        finally:
            # Nothing but an interruption, such as Ctrl-C, leaves a call under way.
            if call is not None:
                call.cancel()

    def _events(self, request: ExecuteRequest, patience: Patience) -> Generator[ExecuteStreamResponse, None, None]:
        self._check_open()
        call: Any = None
        is_whole = False
        try:
            with held_interrupts():
                call = self._stub.ExecuteStream(
                    ExecuteStreamRequest(request=request), timeout=patience.left_seconds(), metadata=self._metadata()
                )
            for response in call:
                self._reach.was_reached = True
                is_whole = response.HasField("finished")
                yield response
            if not is_whole:
                raise stream_ended(request.request_id)
        except grpc.RpcError as error:
            raise self._failure(error, "ExecuteStream", patience.seconds, request.request_id) from error
        finally:
            if call is not None:
                call.cancel()

    def stream(
        self,
        method: str,
        items: Iterable[Item],
        flight: Flight[Item, Any, Result],
        seconds: float,
        on_error: Callable[[SandboxError], object] | None,
    ) -> Iterator[Result]:
        """Send `items` through a streaming method and yield the results; give up after `seconds` of silence."""

        def open_call(messages: Iterator[Any]) -> Any:
            self._check_open()
            return getattr(self._stub, method)(messages, metadata=self._metadata())

        outcomes = fly(open_call, items, flight, seconds, self._reach)
        with closing(outcomes):
            for outcome in outcomes:
                if is_result(outcome, on_error):
                    yield outcome

    def close(self) -> None:
        """Give up the calls that are under way."""
        self._closed.set()
        self._channel.close()

    def _failure(self, error: grpc.RpcError, method: str, seconds: float, request_id: str) -> SandboxError:
        lost = self._reach.error_of_call(error, method, seconds)
        failure = client_closed() if self._closed.is_set() else lost
        failure.request_id = request_id
        return failure

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise client_closed()
