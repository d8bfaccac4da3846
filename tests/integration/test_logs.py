"""A server's log tells an operator what happened, and nothing of what programs and suites hold."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import hosts
import pytest
from telemetry_stage import Observed, observed

from trialbox.client import (
    Call,
    Check,
    InvalidRequestError,
    Limits,
    Program,
    Sandbox,
    SandboxError,
    Stdio,
    Suite,
)

Case = Call | Check | Stdio
SETTINGS = {"SLOTS": "1", "SPARE_SLOTS": "0"}


@pytest.fixture(scope="module")
def server() -> Iterator[Observed]:
    """A server that logs all it can."""
    with observed(SETTINGS) as server:
        yield server


@pytest.fixture
def box(server: Observed) -> Iterator[Sandbox]:
    with Sandbox(server.address, retry=False) as box:
        yield box


@pytest.fixture
def marker() -> str:
    """What no log may hold."""
    return f"marker{uuid.uuid4().hex}"


def _of(server: Observed, request_id: str) -> list[str]:
    """The events of one request."""
    return [line["event"] for line in server.log() if line.get("request_id") == request_id]


def test_every_request_has_a_line_at_debug_with_its_id(server: Observed, box: Sandbox) -> None:
    assert _of(server, box.run("raise SystemExit(1)").request_id) == ["executed"]
    suite = Suite([Call("add", (1, 2), expected=3)])
    assert _of(server, box.evaluate("def add(a, b): return 3", suite).request_id) == ["evaluated"]
    for execution in box.run_many(["pass", "1/0"]):
        assert _of(server, execution.request_id) == ["executed"]
    with pytest.raises(InvalidRequestError) as refused:
        box.run("pass", limits=Limits(wall_seconds=1e9))
    assert refused.value.request_id
    assert _of(server, refused.value.request_id) == ["refused"]


def test_nothing_of_a_program_is_logged(server: Observed, box: Sandbox, marker: str) -> None:
    program = Program(
        source=(
            f"import sys, os\nprint({marker!r}); sys.stderr.write({marker!r}); open('out', 'w').write({marker!r})\n"
            f"raise ValueError({marker!r})"
        ),
        files={f"{marker}.py": f"x = {marker!r}"},
        args=[marker],
        stdin=marker,
        env={marker.upper(): marker},
    )
    for isolation in ("warm", "cold"):
        done = box.run(program, isolation=isolation, collect=["out"])
        assert marker.encode() in done.stdout
        assert marker.encode() in done.stderr
        assert done.exception is not None
        assert marker in done.exception.message
        assert done.files["out"] == marker.encode()
        assert _of(server, done.request_id) == ["executed"]
    assert marker not in server.log_file.read_text()


def test_nothing_of_a_suite_is_logged(server: Observed, box: Sandbox, marker: str) -> None:
    cases: list[Case] = [
        Call("same", (marker,), expected=marker + "x"),
        Call("fails", (), expected=marker),
        Check(f"assert same(1) == 2, {marker!r}"),
        Check(f"raise ValueError({marker!r})", shared=True),
        Stdio(stdin=marker, expected=marker),
    ]
    source = f"def same(x): return x\ndef fails(): raise ValueError({marker!r})\nprint({marker!r})"
    done = box.evaluate(source, Suite(cases, setup=f"marked = {marker!r}"))
    assert marker in str(done)
    assert _of(server, done.request_id) == ["evaluated"]
    box.evaluate(f"raise ValueError({marker!r})", Suite(cases))
    box.evaluate(source, Suite([Call("same", (1,), oracle=f"def same(x): raise ValueError({marker!r})")]))
    assert marker not in server.log_file.read_text()


def test_nothing_of_a_refused_request_is_logged(server: Observed, box: Sandbox, marker: str) -> None:
    refused: list[Program] = [
        Program(source="pass", runtime=marker),
        Program(source="pass", files={f"../{marker}": marker}),
        Program(source="pass", env={f"{marker}=": marker}),
        Program(source=marker, hash_seed=-1),
        Program(source="pass", files={marker: marker, f"{marker}/below": marker}),
    ]
    for program in refused:
        with pytest.raises(SandboxError):
            box.run(program)
    # Too many files for the workspace are refused only when they are laid out.
    many = {f"{marker}{number}": marker for number in range(200)}
    with pytest.raises(SandboxError):
        box.run("pass", files=many, limits=Limits(disk_inodes=20))
    assert {"refused"} <= {line["event"] for line in server.log()}
    assert marker not in server.log_file.read_text()


def test_what_breaks_is_told_and_nothing_of_the_program_with_it(server: Observed, box: Sandbox, marker: str) -> None:
    call = f"print({marker!r}, flush=True)\n{hosts.lingering(marker)}"
    with ThreadPoolExecutor(1) as pool:
        for role in ("fork_server", "nsjail", "launcher"):
            limits = Limits(wall_seconds=60)
            running = pool.submit(box.run, call, stdin=marker, files={marker: marker}, limits=limits)
            hosts.eventually(lambda: hosts.marked(marker), "the program runs")
            (jail,) = (jail for jail in hosts.jails(server.server.pid) if jail.program.pid in hosts.marked(marker))
            os.kill(getattr(jail, role).pid, signal.SIGKILL)
            with pytest.raises(SandboxError):
                running.result()
            box.run("pass")
    broken = server.logged("sandbox_broken")
    assert len(broken) == 3
    assert all(line["level"] == "error" and line["request_id"] for line in broken)
    assert server.logged("slot_restarted")
    assert marker not in server.log_file.read_text()


def test_an_operator_reads_of_start_and_stop_and_of_no_request_unless_asked() -> None:
    with observed(SETTINGS | {"LOG_LEVEL": "info"}) as server:
        with Sandbox(server.address) as box:
            box.run("pass")
            with pytest.raises(InvalidRequestError):
                box.run("pass", runtime="none")
        server.server.process.send_signal(signal.SIGTERM)
        assert server.server.process.wait(30) == 0
        assert [line["event"] for line in server.log()] == ["metrics", "serving", "stopping", "stopped"]
        assert all(line["level"] == "info" and line["timestamp"] for line in server.log())


_LIBRARY = """
import asyncio, logging
from trialbox.server import logs
logs.configure_logging("info")
log = logging.getLogger("a.library")
log.info("too much")
log.warning("about %s", "something")
try:
    raise ValueError("secret")
except ValueError:
    log.exception("it failed")

async def forgotten():
    async def fail():
        raise KeyError("secret")
    asyncio.get_running_loop().set_exception_handler(logs.log_loop_error)
    asyncio.ensure_future(fail())
    await asyncio.sleep(0)

asyncio.run(forgotten())
"""


def test_what_libraries_log_is_json_too_and_quotes_no_exception() -> None:
    ended = subprocess.run([sys.executable, "-c", _LIBRARY], capture_output=True, text=True, check=True)
    about, failed, unawaited = map(json.loads, ended.stderr.splitlines())
    assert (about["event"], about["logger"], about["level"]) == ("about something", "a.library", "warning")
    assert (failed["event"], failed["exception"]) == ("it failed", "ValueError")
    assert any(frame.endswith("<module>") for frame in failed["traceback"])
    assert (unawaited["event"], unawaited["exception"]) == ("unawaited", "KeyError")
    assert "secret" not in ended.stderr
