"""Streams of many over a real channel, synchronously and on asyncio."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from typing import Any

import grpc
import hosts
import pytest
from scripted_service import PATIENCE_SECONDS, Context, ScriptedService, answer, answers, status

from trialbox.client import (
    AsyncSandbox,
    DeadlineExceededError,
    InternalError,
    Limits,
    Sandbox,
    SandboxError,
    UnavailableError,
)
from trialbox.v1 import sandbox_service_pb2 as pb

_LIMITS = Limits(wall_seconds=5)
_PROGRAMS = [f"print({number})" for number in range(20)]

RunMany = Callable[..., list[bytes]]


@pytest.fixture(params=["sync", "asyncio"])
def run_many(request: pytest.FixtureRequest, address: str) -> RunMany:
    """Runs programs through either client and gives their outputs, which are their sources."""

    def run_sync(programs: Any, *, retry: bool = True, **options: Any) -> list[bytes]:
        with Sandbox(address, retry=retry) as client:
            return [execution.stdout for execution in client.run_many(programs, limits=_LIMITS, **options)]

    def run_on_asyncio(programs: Any, *, retry: bool = True, **options: Any) -> list[bytes]:
        async def run() -> list[bytes]:
            async with AsyncSandbox(address, retry=retry) as client:
                return [execution.stdout async for execution in client.run_many(programs, limits=_LIMITS, **options)]

        return asyncio.run(run())

    return run_sync if request.param == "sync" else run_on_asyncio


def _sources() -> list[bytes]:
    return [program.encode() for program in _PROGRAMS]


def test_all_go_over_one_stream(service: ScriptedService, run_many: RunMany) -> None:
    assert sorted(run_many(_PROGRAMS)) == sorted(_sources())
    assert len(service.streams) == 1


def test_no_more_are_in_flight_than_asked_for(service: ScriptedService, run_many: RunMany) -> None:
    unanswered: list[int] = []

    def in_threes(requests: Iterator[pb.ExecuteRequest], _: Context) -> Iterator[pb.ExecuteBatchResponse]:
        held: list[pb.ExecuteRequest] = []
        for request in requests:
            held.append(request)
            unanswered.append(len(held))
            if len(held) == 3:
                yield from map(answer, reversed(held))
                held.clear()

    service.batch = in_threes
    assert run_many(_PROGRAMS[:18], in_flight=3, ordered=True) == _sources()[:18]
    assert max(unanswered) == 3


def test_a_broken_stream_loses_and_repeats_nothing(service: ScriptedService, run_many: RunMany) -> None:
    def dies_after_four(requests: Iterator[pb.ExecuteRequest], context: Context) -> Iterator[pb.ExecuteBatchResponse]:
        for number, request in enumerate(requests):
            if number == 4 and len(service.streams) < 3:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the server went away")
            yield answer(request)

    service.batch = dies_after_four
    assert sorted(run_many(_PROGRAMS)) == sorted(_sources())
    assert len(service.streams) == 3
    assert len(set().union(*service.streams)) == len(_PROGRAMS)


def test_a_server_that_ends_the_stream_is_asked_again(service: ScriptedService, run_many: RunMany) -> None:
    def one_each(requests: Iterator[pb.ExecuteRequest], _: Context) -> Iterator[pb.ExecuteBatchResponse]:
        yield answer(next(requests))

    service.batch = one_each
    assert sorted(run_many(_PROGRAMS[:3])) == sorted(_sources()[:3])
    assert len(service.streams) == 3


def test_retries_can_be_turned_off(service: ScriptedService, run_many: RunMany) -> None:
    service.batch = lambda requests, _: iter([answer(next(requests))])
    with pytest.raises(UnavailableError):
        run_many(_PROGRAMS, retry=False)
    assert len(service.streams) == 1


def test_one_item_s_failure_is_told_by_index_and_the_rest_go_on(service: ScriptedService, run_many: RunMany) -> None:
    def fails_the_third(requests: Iterator[pb.ExecuteRequest], _: Context) -> Iterator[pb.ExecuteBatchResponse]:
        for number, request in enumerate(requests):
            if number == 2:
                broken = status(grpc.StatusCode.INTERNAL, "INTERNAL")
                yield answers(pb.ExecuteBatchResponse.Answer(request_id=request.request_id, error=broken))
            else:
                yield answer(request)

    service.batch = fails_the_third
    errors: list[SandboxError] = []
    assert run_many(_PROGRAMS, ordered=True, on_error=errors.append) == _sources()[:2] + _sources()[3:]
    assert [(type(error), error.index, error.reason) for error in errors] == [(InternalError, 2, "INTERNAL")]
    with pytest.raises(InternalError):
        run_many(_PROGRAMS)


def test_silence_has_an_end(service: ScriptedService, run_many: RunMany) -> None:
    def silent(requests: Iterator[pb.ExecuteRequest], _: Context) -> Iterator[pb.ExecuteBatchResponse]:
        yield answer(next(requests))
        service.cancelled.wait(PATIENCE_SECONDS)

    service.batch = silent
    with pytest.raises(DeadlineExceededError):
        run_many(_PROGRAMS, deadline_seconds=0.3)
    assert service.cancelled.wait(PATIENCE_SECONDS)


def test_an_input_that_raises_ends_the_stream(service: ScriptedService, run_many: RunMany) -> None:
    def programs() -> Iterator[str]:
        yield from _PROGRAMS[:3]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        # One at a time, so that the server has seen the stream by then.
        run_many(programs(), in_flight=1)
    assert service.cancelled.wait(PATIENCE_SECONDS)


def test_lost_streams_leave_no_thread(service: ScriptedService, client: Sandbox) -> None:
    service.batch = lambda requests, _: iter([answer(next(requests))])
    ours = {thread.ident for thread in threading.enumerate()}
    assert len(list(client.run_many(_PROGRAMS[:3], limits=_LIMITS))) == 3
    client.close()
    hosts.eventually(
        lambda: not [it for it in threading.enumerate() if it.ident not in ours and "ThreadPool" not in it.name],
        "the threads of three streams have ended",
    )


async def test_lost_streams_leave_no_task(service: ScriptedService, async_client: AsyncSandbox) -> None:
    service.batch = lambda requests, _: iter([answer(next(requests))])
    ours = asyncio.all_tasks()
    assert len([result async for result in async_client.run_many(_PROGRAMS[:3], limits=_LIMITS)]) == 3
    async with asyncio.timeout(PATIENCE_SECONDS):
        for task in asyncio.all_tasks() - ours:
            await task


def test_leaving_early_cancels_on_the_server(service: ScriptedService, client: Sandbox) -> None:
    threads = threading.active_count()
    with closing(client.run_many(_PROGRAMS, limits=_LIMITS)) as executions:  # type: ignore[type-var]
        next(executions)
        assert threading.active_count() > threads
    assert service.cancelled.wait(PATIENCE_SECONDS)


async def test_leaving_early_cancels_on_the_server_on_asyncio(
    service: ScriptedService, async_client: AsyncSandbox
) -> None:
    tasks = len(asyncio.all_tasks())
    async with aclosing(async_client.run_many(_PROGRAMS, limits=_LIMITS)) as executions:
        await anext(executions)
    assert await asyncio.to_thread(service.cancelled.wait, PATIENCE_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(asyncio.all_tasks()) != tasks:  # gRPC's own task for the call ends some turns of the loop later
            await asyncio.sleep(0)


async def test_a_slow_input_does_not_hold_back_what_is_finished(async_client: AsyncSandbox) -> None:
    answered = asyncio.Event()

    async def programs() -> AsyncIterator[str]:
        yield _PROGRAMS[0]
        # Deadlocks unless the first result is handed out before the second program is there.
        async with asyncio.timeout(PATIENCE_SECONDS):
            await answered.wait()
        yield _PROGRAMS[1]

    outputs = []
    async for execution in async_client.run_many(programs(), limits=_LIMITS):
        outputs.append(execution.stdout)
        answered.set()
    assert outputs == _sources()[:2]


async def test_cancelling_the_consumer_cancels_on_the_server(
    service: ScriptedService, async_client: AsyncSandbox
) -> None:
    begun = threading.Event()

    def silent(requests: Iterator[pb.ExecuteRequest], _: Context) -> Iterator[pb.ExecuteBatchResponse]:
        next(requests)
        begun.set()
        service.cancelled.wait(PATIENCE_SECONDS)
        yield from ()

    async def consume() -> None:
        async for _ in async_client.run_many(_PROGRAMS, limits=_LIMITS):
            pass

    service.batch = silent
    consumer = asyncio.create_task(consume())
    assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert await asyncio.to_thread(service.cancelled.wait, PATIENCE_SECONDS)
