"""Giving a call up here gives it up on the server."""

import asyncio
import os
import signal
import threading

import pytest
from scripted_service import PATIENCE_SECONDS, Context, ScriptedService

from trialbox.client import AsyncSandbox, CallCancelledError, Limits, Sandbox
from trialbox.v1 import sandbox_service_pb2 as pb

_LIMITS = Limits(wall_seconds=5)


def test_ctrl_c_cancels_on_the_server(service: ScriptedService, client: Sandbox) -> None:
    def execute(request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        os.kill(os.getpid(), signal.SIGINT)
        return service.hang(request, context)

    service.execute = execute
    with pytest.raises(KeyboardInterrupt):
        client.run("", limits=_LIMITS)
    assert service.cancelled.wait(PATIENCE_SECONDS)


def test_closing_from_another_thread_ends_the_call(service: ScriptedService, client: Sandbox) -> None:
    def execute(request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        threading.Thread(target=client.close).start()
        return service.hang(request, context)

    service.execute = execute
    with pytest.raises(CallCancelledError, match="closed"):
        client.run("", limits=_LIMITS)
    assert service.cancelled.wait(PATIENCE_SECONDS)


async def test_a_cancelled_task_cancels_on_the_server(service: ScriptedService, async_client: AsyncSandbox) -> None:
    begun = threading.Event()

    def execute(request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        begun.set()
        return service.hang(request, context)

    service.execute = execute
    call = asyncio.create_task(async_client.run("", limits=_LIMITS))
    assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(service.cancelled.wait, PATIENCE_SECONDS)


async def test_closing_from_another_task_ends_the_call(service: ScriptedService, async_client: AsyncSandbox) -> None:
    begun = threading.Event()

    def execute(request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        begun.set()
        return service.hang(request, context)

    service.execute = execute
    call = asyncio.create_task(async_client.run("", limits=_LIMITS))
    assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    await async_client.close()
    with pytest.raises(CallCancelledError, match="closed"):
        await call
