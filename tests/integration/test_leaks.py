"""A thousand executions, kills included, leave the host as it was."""

import contextlib
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import hosts
import pytest

from trialbox.client import Limits, Outcome, Sandbox

EXECUTIONS = 1000
WARM_UP_EXECUTIONS = 40
SLOTS = 4
AT_ONCE = 8
MIB = 1 << 20

SMALL = Limits(wall_seconds=10, memory_bytes=48 * MIB, processes=8, output_bytes=64 << 10)
SHORT = Limits(wall_seconds=0.05, memory_bytes=48 * MIB, processes=8, output_bytes=64 << 10)

# Program, limits, collected files and how it ends.
Kind = tuple[str, Limits, tuple[str, ...], Outcome]
KINDS: list[Kind] = [
    ("print('ok')", SMALL, (), Outcome.SUCCEEDED),
    ("import os; os.mkdir('out'); open('out/f', 'w').write('x')", SMALL, ("out/*",), Outcome.SUCCEEDED),
    ("open('/tmp/a', 'w').write('x'); open('/dev/shm/b', 'w').write('x')", SMALL, (), Outcome.SUCCEEDED),
    ("import os\nif os.fork() == 0: os.setsid(); __import__('time').sleep(60)", SMALL, (), Outcome.SUCCEEDED),
    ("raise SystemExit(3)", SMALL, (), Outcome.FAILED),
    ("while True: pass", SHORT, (), Outcome.WALL_TIME_EXCEEDED),
    ("import time; time.sleep(60)", SHORT, (), Outcome.WALL_TIME_EXCEEDED),
    ("b'x' * (64 << 20)", SMALL, (), Outcome.MEMORY_EXCEEDED),
    ("import os\nwhile True: os.write(1, b'x' * 4096)", SMALL, (), Outcome.OUTPUT_EXCEEDED),
    ("import os; os.kill(os.getpid(), 9)", SMALL, (), Outcome.SIGNALED),
    ("import ctypes; ctypes.CDLL(None).reboot(0)", SMALL, (), Outcome.SYSCALL_DENIED),
    ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", SHORT, (), Outcome.WALL_TIME_EXCEEDED),
]
# The callers of one in this many go away before the answer.
CANCELLED_ONE_IN = 12


def execute(box: Sandbox, number: int) -> None:
    """Run one program of the mix; its caller may go away."""
    if number % CANCELLED_ONE_IN == 0:
        with contextlib.suppress(TimeoutError):
            box.run("import time; time.sleep(60)", limits=SMALL, deadline_seconds=0.1)
        return
    source, limits, collect, outcome = random.Random(number).choice(KINDS)
    execution = box.run(f"{source}\n# {number}", limits=limits, collect=collect)
    assert execution.outcome is outcome, (source, execution)


def execute_many(box: Sandbox, count: int) -> None:
    """Run the first `count` programs of the mix, several at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda number: execute(box, number), range(count)):
            pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """All that executions could leave behind."""

    processes: list[bytes]
    cgroups: set[Path]
    temporary_files: set[Path]
    mounts: dict[int, list[str]]
    descriptors: dict[int, int]


def traces(server_pid: int, residents: set[hosts.Process], folder: Path) -> Traces:
    """Count them; `residents` are the processes that stay from one execution to the next."""
    numbers = [server_pid, *(process.pid for process in residents)]
    return Traces(
        processes=hosts.command_lines(hosts.descendants(server_pid)),
        cgroups=hosts.empty_cgroups(),
        temporary_files=set(folder.rglob("*")),
        mounts={number: hosts.mounts(number) for number in numbers},
        descriptors={number: len(hosts.descriptors(number)) for number in numbers},
    )


def test_a_thousand_executions_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    cgroups, strays, servers = hosts.empty_cgroups(), hosts.strays(), hosts.servers()
    with Sandbox.local(slots=SLOTS) as box:
        (server_pid,) = hosts.servers() - servers
        first = hosts.descendants(server_pid)
        execute_many(box, WARM_UP_EXECUTIONS)
        residents = {process for process in first if process.alive}
        before = hosts.settled(lambda: traces(server_pid, residents, tmp_path))
        execute_many(box, EXECUTIONS)
        assert hosts.settled(lambda: traces(server_pid, residents, tmp_path)) == before
        family = hosts.descendants(server_pid)
    hosts.eventually(lambda: not any(process.alive for process in family), "the server took its processes with it")
    hosts.eventually(lambda: hosts.strays() <= strays, "no process outlived its jail")
    hosts.eventually(lambda: hosts.empty_cgroups() <= cgroups, "the server took its control groups with it")
    assert list(tmp_path.iterdir()) == []
