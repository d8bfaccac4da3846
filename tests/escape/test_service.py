"""The service stays up, answers fast and leaves nothing behind, whatever its users do."""

import asyncio
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import grpc
import hosts
import pytest
from executions import Run
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from trialbox.client import AsyncSandbox, Execution, Limits, Outcome, Program, Sandbox, SandboxError
from trialbox.v1 import execution_pb2, sandbox_service_pb2, sandbox_service_pb2_grpc

MIB = 1 << 20
ONE_SLOT = {"SLOTS": "1", "QUEUE_SIZE": "1"}


@pytest.fixture
def marker() -> str:
    """A word for the command line of a program that lingers."""
    return f"lingering-{uuid.uuid4().hex}"


@pytest.fixture
def server() -> Iterator[hosts.Server]:
    """A server of one slot and a queue of one."""
    with hosts.serving(ONE_SLOT) as server:
        yield server


def execute_request(source: str, *, wall_seconds: float = 30) -> sandbox_service_pb2.ExecuteRequest:
    """Build a request by hand, for what the SDK takes care of by itself."""
    return sandbox_service_pb2.ExecuteRequest(
        program=execution_pb2.Program(source=source.encode()),
        limits=execution_pb2.Limits(wall_seconds=wall_seconds),
    )


# Callers that go away


def test_a_cancelled_call_ends_its_program_and_frees_the_slot(server: hosts.Server, marker: str) -> None:
    with grpc.insecure_channel(server.address) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        call = stub.Execute.future(execute_request(hosts.lingering(marker)))
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
        call.cancel()
        hosts.eventually(lambda: not hosts.marked(marker), "the program ended")
        answer = stub.Execute(execute_request("print('next')"))
        assert answer.execution.stdout == b"next\n"


def test_a_request_cancelled_on_its_stream_is_answered_cancelled_with_its_output_so_far(
    server: hosts.Server, marker: str
) -> None:
    messages: queue.SimpleQueue[sandbox_service_pb2.ExecuteBatchRequest | None] = queue.SimpleQueue()
    with grpc.insecure_channel(server.address) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        answers = stub.ExecuteBatch(iter(messages.get, None))
        for name, source in (
            ("running", f"print('so far', flush=True)\n{hosts.lingering(marker)}"),
            ("queued", hosts.lingering(marker)),
        ):
            request = execute_request(source)
            request.request_id = name
            messages.put(sandbox_service_pb2.ExecuteBatchRequest(requests=[request]))
        hosts.eventually(lambda: hosts.marked(marker), "the first program started")
        for name in ("queued", "running", "unknown"):
            messages.put(sandbox_service_pb2.ExecuteBatchRequest(cancel_request_ids=[name]))
        messages.put(None)
        executions = {answer.request_id: answer.response.execution for message in answers for answer in message.answers}
        assert stub.Execute(execute_request("print('next')")).execution.stdout == b"next\n"
    assert not hosts.marked(marker)
    assert (executions["running"].outcome, executions["running"].stdout) == (
        execution_pb2.OUTCOME_CANCELLED,
        b"so far\n",
    )
    assert executions["queued"].outcome == execution_pb2.OUTCOME_CANCELLED


def test_a_second_server_takes_no_socket_over(server: hosts.Server) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "trialbox.server"],
        env={**os.environ, "TRIALBOX_ADDRESS": server.address, "TRIALBOX_SLOTS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, "another server does" in run.stderr) == (3, True)
    with Sandbox(server.address) as box:
        assert box.run("print(1)").stdout == b"1\n"


async def test_a_cancelled_task_of_the_sdk_ends_its_program(server: hosts.Server, marker: str) -> None:
    async with AsyncSandbox(server.address) as box:
        task = asyncio.create_task(box.run(hosts.lingering(marker), limits=Limits(wall_seconds=30)))
        await asyncio.to_thread(hosts.eventually, lambda: hosts.marked(marker), "the program started")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(hosts.eventually, lambda: not hosts.marked(marker), "the program ended")
        assert (await box.run("print('next')")).stdout == b"next\n"


def test_a_call_past_its_deadline_ends_its_program_and_frees_the_slot(server: hosts.Server, marker: str) -> None:
    with Sandbox(server.address) as box:
        with pytest.raises(TimeoutError) as late:
            box.run(hosts.lingering(marker), limits=Limits(wall_seconds=30), deadline_seconds=1)
        assert isinstance(late.value, SandboxError)
        hosts.eventually(lambda: not hosts.marked(marker), "the program ended")
        assert box.run("print('next')").stdout == b"next\n"


def test_a_broken_connection_ends_its_program_and_frees_the_slot(server: hosts.Server, marker: str) -> None:
    channel = grpc.insecure_channel(server.address)
    stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
    call = stub.Execute.future(execute_request(hosts.lingering(marker)))
    hosts.eventually(lambda: hosts.marked(marker), "the program started")
    channel.close()
    hosts.eventually(lambda: not hosts.marked(marker), "the program ended")
    assert call.code() is grpc.StatusCode.CANCELLED
    with Sandbox(server.address) as box:
        assert box.run("print('next')").stdout == b"next\n"


def test_a_caller_that_leaves_the_queue_never_has_its_program_run(server: hosts.Server, marker: str) -> None:
    queued_marker = f"{marker}-queued"
    with grpc.insecure_channel(server.address) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        running = stub.Execute.future(execute_request(hosts.lingering(marker)))
        hosts.eventually(lambda: hosts.marked(marker), "the first program started")
        with pytest.raises(grpc.RpcError) as late:
            stub.Execute(execute_request(hosts.lingering(queued_marker)), timeout=0.5)
        assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        running.cancel()
        assert stub.Execute(execute_request("print('next')")).execution.stdout == b"next\n"
        assert not hosts.marked(queued_marker)


# Too many callers


def _reason_and_details(error: grpc.RpcError) -> tuple[str, list[any_pb2.Any]]:
    (encoded,) = (item.value for item in error.trailing_metadata() if item.key == "grpc-status-details-bin")
    status = status_pb2.Status.FromString(encoded)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            assert info.domain == "trialbox"
    return info.reason, list(status.details)


def test_a_full_queue_refuses_at_once_with_a_retry_hint_and_serves_who_waited(
    server: hosts.Server, marker: str
) -> None:
    with grpc.insecure_channel(server.address) as channel, ThreadPoolExecutor() as pool:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        running = pool.submit(stub.Execute, execute_request(hosts.lingering(marker), wall_seconds=3))
        hosts.eventually(lambda: hosts.marked(marker), "the first program started")
        waiting = [pool.submit(stub.Execute, execute_request("print('waited')", wall_seconds=1)) for _ in range(6)]
        refused = _first(5, waiting)
        assert not running.done(), "the refusals took as long as the program"
        for error in refused:
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            reason, details = _reason_and_details(error)
            assert reason == "QUEUE_FULL"
            hint = error_details_pb2.RetryInfo()
            assert any(detail.Unpack(hint) for detail in details)
            assert hint.retry_delay.ToTimedelta().total_seconds() > 0
        assert running.result().execution.outcome == execution_pb2.OUTCOME_WALL_TIME_EXCEEDED
        (served,) = (call.result().execution for call in waiting if call.exception() is None)
    assert served.stdout == b"waited\n"
    # the wait, longer than the program's own limit, was not charged to it
    assert served.usage.queue_seconds > 1
    assert served.usage.wall_seconds < 1


def _first(count: int, calls: list[Future[sandbox_service_pb2.ExecuteResponse]]) -> list[grpc.RpcError]:
    """Wait until `count` of `calls` failed."""
    enough = threading.Semaphore(0)
    for call in calls:
        call.add_done_callback(lambda call: enough.release() if call.exception() else None)
    for _ in range(count):
        assert enough.acquire(timeout=20)
    return [error for call in calls if call.done() and isinstance(error := call.exception(), grpc.RpcError)]


# Servers that die


def test_a_killed_server_leaves_no_process(marker: str) -> None:
    with hosts.serving({"SLOTS": "2"}) as server, grpc.insecure_channel(server.address) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        calls = [stub.Execute.future(execute_request(hosts.lingering(marker))) for _ in range(2)]
        hosts.eventually(lambda: len(hosts.marked(marker)) == 2, "both programs started")
        family = hosts.descendants(server.pid)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        hosts.eventually(lambda: not any(process.alive for process in family), "the jails died with their server")
        assert {call.code() for call in calls} == {grpc.StatusCode.UNAVAILABLE}


EMBEDDING = """
import sys
from trialbox.client import Limits, Sandbox
with Sandbox.local(slots=1) as box:
    box.run(sys.argv[1], limits=Limits(wall_seconds=60))
"""


def test_an_embedded_server_ends_when_the_program_it_serves_is_killed(marker: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", EMBEDDING, hosts.lingering(marker)]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}) as user:
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
        family = hosts.descendants(user.pid)
        user.send_signal(signal.SIGKILL)
    hosts.eventually(lambda: not any(process.alive for process in family), "the server ended with its user")


def test_a_jail_killed_from_outside_is_an_infrastructure_failure_and_the_slot_recovers(
    server: hosts.Server, marker: str
) -> None:
    with Sandbox(server.address, retry=False) as box, ThreadPoolExecutor() as pool:
        before = hosts.descendants(server.pid)
        lost = pool.submit(box.run, hosts.lingering(marker), limits=Limits(wall_seconds=30))
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
        # Everything below the server, and stopped before, so that no part of the slot is left to tell of an end.
        parts = hosts.descendants(server.pid) | before
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in parts:
                with contextlib.suppress(ProcessLookupError):  # one may go with another
                    os.kill(process.pid, number)
        with pytest.raises(SandboxError) as broken:
            lost.result()
        assert (broken.value.reason, broken.value.retryable) == ("SANDBOX_BROKEN", True)
        with Sandbox(server.address) as again:
            assert again.run("print('recovered')").stdout == b"recovered\n"


# All at once

GOOD = [
    Program(
        f"print(sum(n ** 2 for n in range({size})))\nimport os; print(sorted(os.listdir()))", files={f"f{size}": b""}
    )
    for size in range(1000, 1010)
] + [
    Program("import sys; print(sys.stdin.read()[::-1]); sys.exit(3)", stdin=b"stressed"),
    Program("raise ValueError('as intended')"),
    Program("import os; os.kill(os.getpid(), 15)"),
    Program("import subprocess; print(subprocess.run(['echo', 'child'], capture_output=True).stdout)"),
    Program("import sqlite3; print(sqlite3.connect('x.db').execute('select 6 * 7').fetchone())"),
]
EVIL = [
    ("while True: pass", Outcome.WALL_TIME_EXCEEDED),
    ("import time; time.sleep(60)", Outcome.WALL_TIME_EXCEEDED),
    ("x = []\nwhile True: x.append(b'x' * (1 << 20))", Outcome.MEMORY_EXCEEDED),
    ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", Outcome.WALL_TIME_EXCEEDED),
    ("import os\nwhile True: os.write(1, b'x' * 65536)", Outcome.OUTPUT_EXCEEDED),
    ("import os; os.fork() and os.kill(-1, 9); os.kill(os.getpid(), 9)", Outcome.SIGNALED),
    ("import ctypes; ctypes.string_at(0)", Outcome.SIGNALED),
    ("import ctypes; ctypes.CDLL(None).reboot(0)", Outcome.SYSCALL_DENIED),
    # More than the disk's limit alone, which is as large as memory's here.
    ("kept = b'x' * (32 << 20)\nopen('/dev/shm/x', 'wb').write(bytes(1 << 30))", Outcome.MEMORY_EXCEEDED),
    ("import os\nfor n in range(10**6): os.mknod(str(n))", Outcome.FAILED),
]


def _telling(execution: Execution) -> tuple[object, ...]:
    return execution.outcome, execution.exit_code, execution.signal, execution.stdout, execution.stderr


def test_good_programs_among_evil_ones_answer_as_they_do_alone(run: Run) -> None:
    alone = [_telling(run(program)) for program in GOOD]
    limits = Limits(wall_seconds=1, memory_bytes=64 * MIB, processes=32, output_bytes=MIB)
    with ThreadPoolExecutor(20) as pool:
        good, evil = [], []
        for number in range(100):
            if number % 2:
                source, outcome = EVIL[number // 2 % len(EVIL)]
                evil.append((pool.submit(run, source, limits=limits), outcome))
            else:
                which = number // 2 % len(GOOD)
                good.append((pool.submit(run, GOOD[which]), alone[which]))
        assert [_telling(call.result()) for call, _ in good] == [expected for _, expected in good]
        assert [call.result().outcome for call, _ in evil] == [outcome for _, outcome in evil]
