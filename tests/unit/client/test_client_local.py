"""The embedded server starts, or says why not, and never stays behind."""

import gc
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hosts
import pytest
from scripted_service import PATIENCE_SECONDS

from trialbox.client import AsyncSandbox, LocalServerError, Outcome, Sandbox, _local

_LIFELINE = "import os, socket\nlifeline = socket.socket(fileno=int(os.environ['TRIALBOX_LIFELINE_FD']))\n"


@pytest.fixture(autouse=True)
def leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Checks after each test that no server and no folder is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = hosts.servers()
    yield
    gc.collect()
    assert hosts.servers() == before
    assert list(tmp_path.glob("trialbox-*")) == []


@pytest.fixture
def pretender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to write a script into, which then runs in the server's place."""
    script = tmp_path / "pretender.py"
    command = tmp_path / "pretender"
    command.write_text(f"#!/bin/sh\nexec {sys.executable} {script}")
    command.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(command))
    return script


def test_it_runs_programs_and_ends_with_its_block() -> None:
    with Sandbox.local(slots=1, settings={"queue_size": "3"}) as box:
        assert box.server_info().slots == 1
        assert box.run("print(1)").stdout == b"1\n"


async def test_it_runs_programs_and_ends_with_its_block_on_asyncio() -> None:
    async with AsyncSandbox.local(slots=1) as box:
        assert (await box.run("print(1)")).outcome is Outcome.SUCCEEDED


def test_only_this_user_can_reach_it(tmp_path: Path) -> None:
    with Sandbox.local(slots=1):
        (folder,) = tmp_path.glob("trialbox-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "socket").is_socket()


def test_one_that_is_dropped_ends_too() -> None:
    box = Sandbox.local(slots=1)
    assert box.server_info().version
    del box


def test_one_whose_owner_is_killed_ends_too(tmp_path: Path) -> None:
    script = (
        "import sys, hosts; from trialbox.client import Sandbox; box = Sandbox.local(slots=1)\n"
        "print(*hosts.servers(), flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(hosts.__file__).parent), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as owner:
        assert owner.stdout
        server = os.pidfd_open(int(owner.stdout.readline()))
        owner.send_signal(signal.SIGKILL)
    ended, _, _ = select.select([server], [], [], PATIENCE_SECONDS)
    os.close(server)
    assert ended
    # Nobody was left to remove the folder; but nothing more than that is.
    for folder in tmp_path.glob("trialbox-*"):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def test_one_that_refuses_its_settings_is_quoted() -> None:
    with pytest.raises(LocalServerError, match=r"exit status 2(.|\n)*no-such-layer") as raised:
        Sandbox.local(settings={"waived_layers": '["no-such-layer"]'})
    assert raised.value.reason == "LOCAL_SERVER_BAD_SETTINGS"
    assert not raised.value.retryable


def test_one_that_is_not_installed_says_what_to_install(pretender: Path) -> None:
    pretender.write_text(
        "import runpy, sys\nsys.modules['pydantic_settings'] = None\n"
        "runpy.run_module('trialbox.server', run_name='__main__')"
    )
    with pytest.raises(LocalServerError, match=r"needs pydantic_settings.* pip install '\.\[server\]'") as raised:
        Sandbox.local()
    assert raised.value.reason == "LOCAL_SERVER_NOT_INSTALLED"
    assert "Traceback" not in str(raised.value)


async def test_one_that_does_not_start_is_quoted_on_asyncio(pretender: Path) -> None:
    pretender.write_text("print('out of luck'); raise SystemExit(7)")
    with pytest.raises(LocalServerError, match=r"exit status 7(.|\n)*out of luck"):
        async with AsyncSandbox.local():
            pass


def test_one_that_never_serves_is_not_waited_for(pretender: Path) -> None:
    pretender.write_text(_LIFELINE + "lifeline.recv(1)")
    with pytest.raises(LocalServerError, match=r"did not serve within 0\.1 s"):
        Sandbox.local(start_seconds=0.1)


async def test_one_that_never_serves_is_not_waited_for_on_asyncio(pretender: Path) -> None:
    pretender.write_text(_LIFELINE + "lifeline.recv(1)")
    with pytest.raises(LocalServerError, match=r"did not serve within 0\.1 s"):
        async with AsyncSandbox.local(start_seconds=0.1):
            pass


def test_one_that_won_t_let_go_is_killed(pretender: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_local, "_STOP_SECONDS", 0.1)
    pretender.write_text(
        _LIFELINE + "import signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "lifeline.send(b'ready\\n')\n"
        "while True: signal.pause()"
    )
    Sandbox.local().close()


def test_one_whose_starter_was_killed_before_it_heard_of_it_ends_too() -> None:
    ours, theirs = socket.socketpair()
    folder = Path(tempfile.mkdtemp(prefix="trialbox-"))
    settings = {"TRIALBOX_ADDRESS": f"unix:{folder / 'socket'}", "TRIALBOX_LIFELINE_FD": str(theirs.fileno())}
    with theirs:
        command = [sys.executable, "-P", "-m", "trialbox.server"]
        server = subprocess.Popen(command, env={**os.environ, **settings}, pass_fds=[theirs.fileno()])
    with server:
        with ours:
            # What is unread when a socket closes makes its end another than that of one that was read.
            ours.settimeout(PATIENCE_SECONDS)
            assert ours.recv(1, socket.MSG_PEEK)
        try:
            assert server.wait(PATIENCE_SECONDS) == 0
        finally:
            server.kill()
