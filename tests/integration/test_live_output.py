"""A program's output arrives while it runs, whoever reads it slowly or goes away, and its silence has a limit."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import aclosing, closing
from functools import partial

import grpc
import hosts
import pytest
from executions import Run, assert_killed

from trialbox.client import (
    AsyncSandbox,
    Event,
    Execution,
    Finished,
    Limits,
    Outcome,
    Output,
    OutputStream,
    Sandbox,
    Started,
    UnavailableError,
)
from trialbox.v1 import execution_pb2, sandbox_service_pb2
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceStub

MIB = 1 << 20
FIRST = "print('first', flush=True)\n"
# Within the limit, and more than what lies between the server and a reader who doesn't read.
MUCH_BYTES = 15 * MIB
MUCH = f"import os\nfor _ in range({MUCH_BYTES // 65536}): os.write(1, os.urandom(65536))\n"
Stream = Callable[..., Generator[Event, None, None]]


@pytest.fixture
def marker() -> str:
    """A word for the command line of a program that waits."""
    return f"waiting-{uuid.uuid4().hex}"


@pytest.fixture
def stream(box: Sandbox, isolation_path: str) -> Stream:
    """`box.stream`, isolated the way the test asks for."""
    return partial(box.stream, isolation=isolation_path)


ONE_SLOT = {"SLOTS": "1", "SPARE_SLOTS": "0"}


@pytest.fixture(scope="module")
def server() -> Iterator[hosts.Server]:
    """A server of one slot."""
    with hosts.serving(ONE_SLOT) as server:
        yield server


def finished(events: list[Event]) -> Execution:
    """The execution that the last event tells."""
    last = events[-1]
    assert isinstance(last, Finished)
    return last.execution


def of_stdout(events: list[Event]) -> list[Output]:
    """The chunks of standard output."""
    return [event for event in events if isinstance(event, Output) and event.stream is OutputStream.STDOUT]


def release(marker: str) -> None:
    """Let a program of hosts.until_released end."""
    hosts.eventually(lambda: hosts.marked(marker), "the program waits")
    (pid,) = hosts.marked(marker)
    os.kill(pid, signal.SIGUSR1)


# Output


def test_a_line_is_told_while_the_program_waits(stream: Stream, isolation_path: str, marker: str) -> None:
    events = stream(FIRST + hosts.until_released(marker), limits=Limits(wall_seconds=30))
    first = next(events)
    assert isinstance(first, Started)
    assert (first.isolation.path, first.isolation.waived_layers) == (isolation_path, ())
    assert next(events) == Output(OutputStream.STDOUT, b"first\n")
    release(marker)
    rest = list(events)
    assert of_stdout(rest) == [Output(OutputStream.STDOUT, b"released\n", offset=6)]
    assert (finished(rest).outcome, finished(rest).stdout) == (Outcome.SUCCEEDED, b"first\nreleased\n")


def test_a_flood_ends_like_any_other_and_says_what_was_left_out(stream: Stream) -> None:
    events = list(stream("import os\nwhile True: os.write(1, b'x' * 65536)", limits=Limits(output_bytes=MIB)))
    execution = finished(events)
    assert_killed(execution, Outcome.OUTPUT_EXCEEDED)
    assert (len(execution.stdout), execution.stdout_truncated) == (MIB, True)
    chunks = of_stdout(events)
    end = 0
    for chunk in chunks:
        assert chunk.offset >= end
        end = chunk.offset + len(chunk.data)
    assert end > MIB
    assert max(len(chunk.data) for chunk in chunks) <= 65536


def test_a_reader_who_waits_holds_up_nobody_and_misses_nothing(
    stream: Stream, run: Run, server_pid: int, marker: str
) -> None:
    limits = Limits(output_bytes=16 * MIB, wall_seconds=60)
    hosts.reset_peak_memory(server_pid)
    before = hosts.peak_memory_bytes(server_pid)
    with closing(stream(MUCH + hosts.until_released(marker), limits=limits)) as events:
        next(events)
        hosts.eventually(lambda: hosts.marked(marker), "the program wrote all of it")
        assert run("print('meanwhile')").stdout == b"meanwhile\n"
        assert hosts.peak_memory_bytes(server_pid) - before < 32 * MIB
        release(marker)
        rest = list(events)
    execution = finished(rest)
    assert (execution.outcome, execution.stdout_truncated) == (Outcome.SUCCEEDED, False)
    assert len(execution.stdout) == MUCH_BYTES + len("released\n")
    assert b"".join(chunk.data for chunk in of_stdout(rest)) == execution.stdout


def test_a_reader_who_waits_does_not_hold_up_the_clock(stream: Stream, marker: str) -> None:
    limits = Limits(output_bytes=16 * MIB, wall_seconds=2)
    with closing(stream(MUCH + hosts.lingering(marker), limits=limits)) as events:
        next(events)
        hosts.eventually(lambda: hosts.marked(marker), "the program wrote all of it")
        hosts.eventually(lambda: not hosts.marked(marker), "its time was up")
        execution = finished(list(events))
    assert_killed(execution, Outcome.WALL_TIME_EXCEEDED)
    assert len(execution.stdout) == MUCH_BYTES


# Callers that go away


def test_closing_the_iterator_ends_the_program(stream: Stream, marker: str) -> None:
    with closing(stream(hosts.lingering(marker), limits=Limits(wall_seconds=60))) as events:
        next(events)
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
    hosts.eventually(lambda: not hosts.marked(marker), "the program ended")


async def test_closing_the_iterator_ends_the_program_on_asyncio(server: hosts.Server, marker: str) -> None:
    async with AsyncSandbox(server.address) as box:
        async with aclosing(box.stream(hosts.lingering(marker), limits=Limits(wall_seconds=60))) as events:
            await anext(events)
            await asyncio.to_thread(hosts.eventually, lambda: hosts.marked(marker), "the program started")
        await asyncio.to_thread(hosts.eventually, lambda: not hosts.marked(marker), "the program ended")
        assert (await box.run("print('next')")).stdout == b"next\n"


def test_a_caller_who_goes_away_without_having_read_ends_the_program(server: hosts.Server, marker: str) -> None:
    request = sandbox_service_pb2.ExecuteRequest(
        program=execution_pb2.Program(source=(MUCH + hosts.lingering(marker)).encode()),
        limits=execution_pb2.Limits(wall_seconds=60, output_bytes=16 * MIB),
    )
    with grpc.insecure_channel(server.address) as channel:
        # Nothing is read, so that by and by the server's messages have to wait.
        call = SandboxServiceStub(channel).ExecuteStream(sandbox_service_pb2.ExecuteStreamRequest(request=request))
        hosts.eventually(lambda: hosts.marked(marker), "the program wrote all of it")
        call.cancel()
        hosts.eventually(lambda: not hosts.marked(marker), "the program ended")
    with Sandbox(server.address) as box:
        assert box.run("print('next')").stdout == b"next\n"


def test_the_command_shows_output_as_it_comes(server: hosts.Server, marker: str) -> None:
    command = [sys.executable, "-m", "trialbox.cli", "run", "-", "--server", server.address]
    both = "import os; os.write(1, b'\\xffout\\n'); os.write(2, b'\\xfeerr\\n')\n"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin
        assert run.stdout
        assert run.stderr
        run.stdin.write((both + hosts.until_released(marker)).encode())
        run.stdin.close()
        run.stdin = None
        assert (run.stdout.readline(), run.stderr.readline()) == (b"\xffout\n", b"\xfeerr\n")
        release(marker)
        stdout, stderr = run.communicate(timeout=60)
    assert (run.returncode, stdout) == (0, b"released\n")
    assert stderr.startswith(b"trialbox: SUCCEEDED, exit status 0, ")


def test_ctrl_c_on_the_command_ends_the_program(server: hosts.Server, marker: str) -> None:
    command = [sys.executable, "-m", "trialbox.cli", "run", "-", "--server", server.address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin
        assert run.stdout
        run.stdin.write((FIRST + hosts.lingering(marker)).encode())
        run.stdin.close()
        assert run.stdout.readline() == b"first\n"
        run.send_signal(signal.SIGINT)
    assert run.returncode == 130
    hosts.eventually(lambda: not hosts.marked(marker), "the program ended")


# Failure


@pytest.mark.parametrize("role", ["launcher", "fork_server"])
def test_a_slot_that_dies_midway_is_an_error_after_what_was_told(server: hosts.Server, marker: str, role: str) -> None:
    with Sandbox(server.address) as box:
        events = box.stream(FIRST + hosts.lingering(marker), limits=Limits(wall_seconds=60))
        started = next(events)
        assert isinstance(started, Started)
        assert next(events) == Output(OutputStream.STDOUT, b"first\n")
        hosts.eventually(lambda: hosts.marked(marker), "the program waits")
        (jail,) = (jail for jail in hosts.jails(server.pid) if jail.program.pid in hosts.marked(marker))
        os.kill(getattr(jail, role).pid, signal.SIGKILL)
        with pytest.raises(UnavailableError) as broken:
            list(events)
        assert (broken.value.reason, broken.value.retryable) == ("SANDBOX_BROKEN", True)
        assert broken.value.request_id == started.request_id
        assert finished(list(box.stream("print('next')"))).stdout == b"next\n"


def test_a_server_that_dies_midway_is_an_error_after_what_was_told(marker: str) -> None:
    with hosts.serving(ONE_SLOT) as server, Sandbox(server.address) as box:
        events = box.stream(FIRST + hosts.lingering(marker), limits=Limits(wall_seconds=60))
        assert isinstance(next(events), Started)
        assert next(events) == Output(OutputStream.STDOUT, b"first\n")
        server.process.kill()
        with pytest.raises(UnavailableError) as lost:
            list(events)
    assert (lost.value.reason, lost.value.retryable) == ("CONNECTION_LOST", True)
    hosts.eventually(lambda: not hosts.marked(marker), "the program ended")


# Silence


IMPATIENT = Limits(no_output_seconds=0.3, wall_seconds=30)


@pytest.mark.parametrize(
    "source",
    [
        "import time; time.sleep(60)",
        "while True: pass",
        "import os, time; os.close(1); os.close(2); time.sleep(60)",
        "import os, time\nfor _ in range(3): os.fork()\ntime.sleep(60)",
        "import os, signal; os.kill(0, signal.SIGSTOP)",
        "import os, time; os.write(os.open('file', os.O_CREAT | os.O_WRONLY), b'no output'); time.sleep(60)",
    ],
    ids=["asleep", "busy", "without streams", "children that keep the pipes", "stopped", "into a file"],
)
def test_silence_ends_a_program_at_its_limit(run: Run, source: str) -> None:
    execution = run(source, limits=IMPATIENT)
    assert_killed(execution, Outcome.NO_OUTPUT_TIME_EXCEEDED)


@pytest.mark.parametrize(("descriptor", "writer"), [(1, "itself"), (2, "a child")])
def test_output_on_either_stream_breaks_the_silence(run: Run, descriptor: int, writer: str) -> None:
    fork = "if os.fork():\n    os.wait()\n    os._exit(0)\n" if writer == "a child" else ""
    source = f"import os, time\n{fork}for _ in range(6):\n    time.sleep(0.4)\n    os.write({descriptor}, b'.')\n"
    execution = run(source, limits=Limits(no_output_seconds=2, wall_seconds=30))
    assert (execution.outcome, execution.stdout + execution.stderr) == (Outcome.SUCCEEDED, b"......")


def test_what_came_before_the_silence_is_told(stream: Stream) -> None:
    events = list(stream(FIRST + "import time; time.sleep(60)", limits=IMPATIENT))
    assert of_stdout(events) == [Output(OutputStream.STDOUT, b"first\n")]
    assert_killed(finished(events), Outcome.NO_OUTPUT_TIME_EXCEEDED)


def test_each_program_of_a_batch_has_its_own_silence(box: Sandbox, isolation_path: str) -> None:
    programs = ["import time; time.sleep(60)", "print('said')"]
    executions = box.run_many(programs, ordered=True, limits=IMPATIENT, isolation=isolation_path)
    assert [execution.outcome for execution in executions] == [Outcome.NO_OUTPUT_TIME_EXCEEDED, Outcome.SUCCEEDED]


def test_an_operator_may_bound_silence_by_default() -> None:
    settings = {"SLOTS": "1", "DEFAULT_LIMITS": '{"no_output_seconds": 0.3}'}
    with hosts.serving(settings) as server, Sandbox(server.address) as box:
        assert box.server_info().default_limits.no_output_seconds == 0.3
        assert_killed(box.run("import time; time.sleep(60)"), Outcome.NO_OUTPUT_TIME_EXCEEDED)
        patient = box.run("import time; time.sleep(0.6)", limits=Limits(no_output_seconds=30))
        assert patient.outcome is Outcome.SUCCEEDED
