"""A server that is told to stop while programs run on, and what becomes of them."""

import asyncio
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import hosts
import pytest

from trialbox.client import AsyncSandbox, Sandbox, UnavailableError
from trialbox.v1 import execution_pb2, sandbox_service_pb2
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceStub

SLOTS = 4
SETTINGS = {"SLOTS": str(SLOTS), "STOP_GRACE_SECONDS": "0.1", "DEFAULT_LIMITS": '{"memory_bytes": 67108864}'}


@pytest.fixture
def marker() -> str:
    """A word for the command line of a program that lingers."""
    return f"lingering-{uuid.uuid4().hex}"


@pytest.fixture
def server() -> Iterator[hosts.Server]:
    """A server that gives running programs little time when it is told to stop."""
    with hosts.serving(SETTINGS) as server:
        yield server


def test_nothing_is_left_of_programs_that_ran_on(server: hosts.Server, marker: str) -> None:
    request = sandbox_service_pb2.ExecuteRequest(
        request_id="one",
        program=execution_pb2.Program(source=hosts.lingering(marker).encode()),
        limits=execution_pb2.Limits(wall_seconds=60),
    )
    with grpc.insecure_channel(server.address, [("grpc.enable_retries", 0)]) as channel:
        stub = SandboxServiceStub(channel)
        calls = [stub.Execute.future(request) for _ in range(SLOTS - 1)]
        stream = stub.ExecuteBatch(iter([sandbox_service_pb2.ExecuteBatchRequest(requests=[request])]))
        hosts.eventually(lambda: len(hosts.marked(marker)) == SLOTS, "all programs started")
        cgroups, family = hosts.cgroups_of(server.pid), hosts.descendants(server.pid)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert {call.code() for call in (*calls, stream)} == {grpc.StatusCode.UNAVAILABLE}
    assert cgroups
    assert hosts.cgroups_of(server.pid) == set()
    assert all(process.ended for process in family)


def _run(address: str, source: str) -> None:
    with Sandbox(address) as box:
        box.run(source)


def _run_many(address: str, source: str) -> None:
    with Sandbox(address) as box:
        list(box.run_many([source]))


def _run_on_asyncio(address: str, source: str) -> None:
    async def run() -> None:
        async with AsyncSandbox(address) as box:
            await box.run(source)

    asyncio.run(run())


@pytest.mark.parametrize("call", [_run, _run_many, _run_on_asyncio])
def test_who_waits_for_a_program_hears_that_the_server_stopped(
    server: hosts.Server, marker: str, call: Callable[[str, str], None]
) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(call, server.address, hosts.lingering(marker))
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(UnavailableError, match=f"the server at {server.address} stopped, or") as stopped:
            waiting.result()
    assert (stopped.value.reason, stopped.value.retryable) == ("CONNECTION_LOST", True)


def test_the_command_says_that_the_server_stopped(server: hosts.Server, marker: str) -> None:
    command = [sys.executable, "-m", "trialbox.cli", "run", "-", "--wall-seconds", "60", "--server", server.address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin
        run.stdin.write(hosts.lingering(marker).encode())
        run.stdin.close()
        run.stdin = None
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
        server.process.send_signal(signal.SIGTERM)
        _, complaint = run.communicate(timeout=60)
    assert run.returncode == 3
    assert complaint.startswith(f"trialbox: the server at {server.address} stopped, or the connection".encode())
