"""One program followed: its events, how the call ends, and when it is tried again."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing

import grpc
import pytest
from scripted_service import PATIENCE_SECONDS, Context, ScriptedService, abort, events, started, status

from trialbox.client import (
    AsyncSandbox,
    CallCancelledError,
    DeadlineExceededError,
    Execution,
    FakeSandbox,
    Finished,
    InternalError,
    Limits,
    Outcome,
    Output,
    OutputStream,
    QueueFullError,
    Sandbox,
    Started,
    UnavailableError,
)
from trialbox.v1 import sandbox_service_pb2 as pb

_LIMITS = Limits(wall_seconds=5)
Events = Iterator[pb.ExecuteStreamResponse]


def test_events_are_read_as_they_were_sent(service: ScriptedService, client: Sandbox) -> None:
    first, *output, last = client.stream("ab", limits=_LIMITS)
    request_id = service.requests[0].request_id
    assert first == Started(request_id=request_id)
    assert output == [Output(OutputStream.STDOUT, b"a"), Output(OutputStream.STDOUT, b"b", offset=1)]
    assert last == Finished(Execution(outcome=Outcome.SUCCEEDED, stdout=b"ab", request_id=request_id))


def test_an_event_of_a_later_server_is_passed_over(service: ScriptedService, client: Sandbox) -> None:
    def stream(request: pb.ExecuteRequest, context: Context) -> Events:
        yield pb.ExecuteStreamResponse.FromString(b"\xf2\x3f\x00")  # field 1022, which nobody knows
        yield from events(request, context)

    service.stream = stream
    assert [type(event) for event in client.stream("", limits=_LIMITS)] == [Started, Finished]


def test_an_outcome_that_is_not_known_breaks_the_contract(service: ScriptedService, client: Sandbox) -> None:
    service.stream = lambda request, _: iter([pb.ExecuteStreamResponse(finished={"outcome": 99})])  # type: ignore[arg-type]
    with pytest.raises(InternalError, match="outcome number 99"):
        list(client.stream("", limits=_LIMITS))


def refusing_first(service: ScriptedService, times: int, reason: str = "QUEUE_FULL") -> None:
    """Refuse the first streams, before any event."""
    left = [None] * times

    def stream(request: pb.ExecuteRequest, context: Context) -> Events:
        if left:
            left.pop()
            abort(context, status(grpc.StatusCode.RESOURCE_EXHAUSTED, reason))
        yield from events(request, context)

    service.stream = stream


def lost_midway(service: ScriptedService, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
    """End each stream with an error after its first event."""

    def stream(request: pb.ExecuteRequest, context: Context) -> Events:
        yield started(request)
        abort(context, status(code, "SANDBOX_BROKEN"))

    service.stream = stream


def test_a_refused_stream_is_tried_again_under_the_same_name(service: ScriptedService, client: Sandbox) -> None:
    refusing_first(service, 2)
    assert [type(event) for event in client.stream("", limits=_LIMITS)] == [Started, Finished]
    assert len(service.requests) == 3
    assert len({request.request_id for request in service.requests}) == 1


def test_without_retries_a_refused_stream_is_an_error(service: ScriptedService, address: str) -> None:
    refusing_first(service, 1)
    with Sandbox(address, retry=False) as client, pytest.raises(QueueFullError):
        next(client.stream("", limits=_LIMITS))
    assert len(service.requests) == 1


def test_a_stream_that_breaks_after_its_first_event_is_not_tried_again(
    service: ScriptedService, client: Sandbox
) -> None:
    lost_midway(service)
    stream = client.stream("", limits=_LIMITS)
    assert isinstance(next(stream), Started)
    with pytest.raises(UnavailableError) as lost:
        next(stream)
    (request,) = service.requests
    assert (lost.value.reason, lost.value.retryable) == ("SANDBOX_BROKEN", True)
    assert lost.value.request_id == request.request_id


async def test_a_stream_that_breaks_after_its_first_event_is_not_tried_again_on_asyncio(
    service: ScriptedService, async_client: AsyncSandbox
) -> None:
    lost_midway(service)
    async with aclosing(async_client.stream("", limits=_LIMITS)) as stream:
        assert isinstance(await anext(stream), Started)
        with pytest.raises(UnavailableError) as lost:
            await anext(stream)
    (request,) = service.requests
    assert lost.value.request_id == request.request_id


def unfinished(request: pb.ExecuteRequest, context: Context) -> Events:
    yield started(request)


def test_a_stream_that_ends_without_an_execution_is_lost(service: ScriptedService, client: Sandbox) -> None:
    service.stream = unfinished
    with pytest.raises(UnavailableError, match="ended the stream") as lost:
        list(client.stream("", limits=_LIMITS))
    assert lost.value.request_id == service.requests[0].request_id


async def test_a_stream_that_ends_without_an_execution_is_lost_on_asyncio(
    service: ScriptedService, async_client: AsyncSandbox
) -> None:
    service.stream = unfinished
    with pytest.raises(UnavailableError, match="ended the stream"):
        async for _ in async_client.stream("", limits=_LIMITS):
            pass


def hanging(service: ScriptedService, begun: Callable[[], object] = lambda: None) -> None:
    """Send the first event, and then nothing until the caller has gone away."""

    def stream(request: pb.ExecuteRequest, context: Context) -> Events:
        yield started(request)
        begun()
        service.cancelled.wait(PATIENCE_SECONDS)

    service.stream = stream


def test_closing_the_iterator_cancels_on_the_server(service: ScriptedService, client: Sandbox) -> None:
    hanging(service)
    with closing(client.stream("", limits=_LIMITS)) as stream:
        next(stream)
    assert service.cancelled.wait(PATIENCE_SECONDS)


async def test_closing_the_iterator_cancels_on_the_server_on_asyncio(
    service: ScriptedService, async_client: AsyncSandbox
) -> None:
    hanging(service)
    async with aclosing(async_client.stream("", limits=_LIMITS)) as stream:
        await anext(stream)
    assert await asyncio.to_thread(service.cancelled.wait, PATIENCE_SECONDS)


def test_ctrl_c_cancels_on_the_server(service: ScriptedService, client: Sandbox) -> None:
    hanging(service, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        list(client.stream("", limits=_LIMITS))
    assert service.cancelled.wait(PATIENCE_SECONDS)


async def test_a_cancelled_task_cancels_on_the_server(service: ScriptedService, async_client: AsyncSandbox) -> None:
    begun = threading.Event()
    hanging(service, begun.set)

    async def follow() -> None:
        async for _ in async_client.stream("", limits=_LIMITS):
            pass

    task = asyncio.create_task(follow())
    assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(service.cancelled.wait, PATIENCE_SECONDS)


def test_closing_the_client_ends_the_stream(service: ScriptedService, client: Sandbox) -> None:
    hanging(service, lambda: threading.Thread(target=client.close).start())
    with pytest.raises(CallCancelledError, match="closed"):
        list(client.stream("", limits=_LIMITS))


async def test_closing_the_client_ends_the_stream_on_asyncio(
    service: ScriptedService, async_client: AsyncSandbox
) -> None:
    hanging(service)
    stream = async_client.stream("", limits=_LIMITS)
    await anext(stream)
    await async_client.close()
    with pytest.raises(CallCancelledError, match="closed"):
        await anext(stream)


def test_a_stream_has_a_deadline(service: ScriptedService, client: Sandbox) -> None:
    hanging(service)
    with pytest.raises(DeadlineExceededError, match=r"ExecuteStream within 0\.2 s"):
        list(client.stream("", limits=_LIMITS, deadline_seconds=0.2))


def test_the_fake_tells_its_script_as_events() -> None:
    execution = Execution(outcome=Outcome.FAILED, exit_code=1, stdout=b"out", stderr=b"err")
    box = FakeSandbox({"": execution})
    stream = box.stream("")
    assert box.calls == [], "nothing is asked before the first event"
    first, *output, last = stream
    assert isinstance(first, Started)
    assert output == [Output(OutputStream.STDOUT, b"out"), Output(OutputStream.STDERR, b"err")]
    assert isinstance(last, Finished)
    assert (last.execution.outcome, last.execution.request_id) == (Outcome.FAILED, first.request_id)
    assert len(box.calls) == 1
