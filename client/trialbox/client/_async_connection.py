"""The asyncio side of the wire: calls, streams and their ends."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from trialbox.client._async_streams import fly
from trialbox.client._errors import QueueFullError, SandboxError
from trialbox.client._wire.batches import is_result
from trialbox.client._wire.channel import Endpoint
from trialbox.client._wire.flight import Flight, Item, Result
from trialbox.client._wire.patience import Patience
from trialbox.client._wire.reach import Reach
from trialbox.client._wire.status import client_closed, stream_ended
from trialbox.v1.sandbox_service_pb2 import ExecuteRequest, ExecuteStreamRequest, ExecuteStreamResponse
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceStub

if TYPE_CHECKING:
    from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceAsyncStub


class AsyncConnection:
    """A channel to a service. Whatever gRPC raises leaves it as a SandboxError."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Make the channel, which belongs to the running event loop; the first call makes the connection."""
        credentials = endpoint.credentials()
        self._channel = (
            grpc.aio.secure_channel(endpoint.address, credentials, endpoint.options())
            if credentials
            else grpc.aio.insecure_channel(endpoint.address, endpoint.options())
        )
        self._stub: SandboxServiceAsyncStub = SandboxServiceStub(self._channel)
        self._metadata = endpoint.metadata
        self._reach = Reach(endpoint)
        self._retry = endpoint.retry
        self._closed = asyncio.Event()

    async def call(self, method: str, request: Any, seconds: float) -> Any:
        """Call a method of the service and wait for its answer, at most `seconds`."""
        patience = Patience(seconds, retry=self._retry)
        while True:
            try:
                return await self._answer(method, request, patience)
            except QueueFullError as error:
                await self._pause(patience.pause_seconds(error))

    async def events(self, request: ExecuteRequest, seconds: float) -> AsyncGenerator[ExecuteStreamResponse, None]:
        """Run one program and yield what happens to it, for at most `seconds`; leaving early ends it."""
        patience = Patience(seconds, retry=self._retry)
        while True:
            try:
                async with aclosing(self._events(request, patience)) as responses:
                    async for response in responses:
                        yield response
                return
            except QueueFullError as error:
                await self._pause(patience.pause_seconds(error))

    async def _answer(self, method: str, request: Any, patience: Patience) -> Any:
        self._check_open()
        try:
            answer = await getattr(self._stub, method)(
                request, timeout=patience.left_seconds(), metadata=self._metadata()
            )
            self._reach.was_reached = True
            return answer
        except grpc.RpcError as error:
            failure = self._reach.error_of_call(error, method, patience.seconds)
            # Only a question about the server itself goes by no name.
            failure.request_id = getattr(request, "request_id", "")
            raise failure from error
        except asyncio.CancelledError:
            if not self._is_channel_closed():
                raise
            raise client_closed() from None

    async def _events(self, request: ExecuteRequest, patience: Patience) -> AsyncGenerator[ExecuteStreamResponse, None]:
        self._check_open()
        call = self._stub.ExecuteStream(
            ExecuteStreamRequest(request=request), timeout=patience.left_seconds(), metadata=self._metadata()
        )
        is_whole = False
        try:
            async for response in call:
                self._reach.was_reached = True
                is_whole = response.HasField("finished")
                yield response
            if not is_whole:
                raise stream_ended(request.request_id)
        except grpc.RpcError as error:
            failure = self._reach.error_of_call(error, "ExecuteStream", patience.seconds)
            failure.request_id = request.request_id
            raise failure from error
        except asyncio.CancelledError:
            if not self._is_channel_closed():
                raise
            raise client_closed() from None
        finally:
            call.cancel()

    async def stream(
        self,
        method: str,
        items: Iterable[Item] | AsyncIterable[Item],
        flight: Flight[Item, Any, Result],
        seconds: float,
        on_error: Callable[[SandboxError], object] | None,
    ) -> AsyncGenerator[Result, None]:
        """Send `items` through a streaming method and yield the results; give up after `seconds` of silence."""

        def open_call(messages: AsyncIterator[Any]) -> Any:
            self._check_open()
            return getattr(self._stub, method)(messages, metadata=self._metadata())

        outcomes = fly(open_call, items, flight, seconds, self._reach)
        async with aclosing(outcomes):
            async for outcome in outcomes:
                if is_result(outcome, on_error):
                    yield outcome

    async def close(self) -> None:
        """Give up the calls that are under way."""
        self._closed.set()
        await self._channel.close()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), seconds)

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise client_closed()

    def _is_channel_closed(self) -> bool:
        """Whether a call was cancelled because of that: gRPC raises the same as if the caller had been."""
        task = asyncio.current_task()
        return self._closed.is_set() and not (task is not None and task.cancelling())
