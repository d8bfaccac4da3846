"""Hundreds of cold executions and thousands of warm ones, kills included, leave the host as it was."""

import contextlib
import random
import statistics
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import hosts
import pytest

from trialbox.client import Limits, Outcome, Program, Sandbox

pytestmark = pytest.mark.alone

EXECUTIONS, EXECUTIONS_WHEN_THOROUGH = 300, 1000
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
            box.run("import time; time.sleep(60)", limits=SMALL, deadline_seconds=0.1, isolation="cold")
        return
    source, limits, collect, outcome = random.Random(number).choice(KINDS)
    execution = box.run(f"{source}\n# {number}", limits=limits, collect=collect, isolation="cold")
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


def test_hundreds_of_executions_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thorough: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    cgroups, strays, servers = hosts.empty_cgroups(), hosts.strays(), hosts.servers()
    with Sandbox.local(slots=SLOTS) as box:
        (server_pid,) = hosts.servers() - servers
        first = hosts.descendants(server_pid)
        execute_many(box, WARM_UP_EXECUTIONS)
        residents = {process for process in first if process.alive}
        before = hosts.settled(lambda: traces(server_pid, residents, tmp_path))
        execute_many(box, EXECUTIONS_WHEN_THOROUGH if thorough else EXECUTIONS)
        assert hosts.settled(lambda: traces(server_pid, residents, tmp_path)) == before
        family = hosts.descendants(server_pid)
    hosts.eventually(lambda: not any(process.alive for process in family), "the server took its processes with it")
    hosts.eventually(lambda: hosts.strays() <= strays, "no process outlived its jail")
    hosts.eventually(lambda: hosts.empty_cgroups() <= cgroups, "the server took its control groups with it")
    assert list(tmp_path.iterdir()) == []


# Thousands of warm ones

WARM_EXECUTIONS, WARM_EXECUTIONS_WHEN_THOROUGH = 3_000, 10_000
SAMPLE_EVERY = 500
# Until then caches and pools fill.
SETTLED_AFTER, SETTLED_AFTER_WHEN_THOROUGH = 1_000, 2_000
MOST_GROWTH_BYTES_A_THOUSAND = MIB
IN_FLIGHT = 16
SPARE_THREADS = 4

QUICK = SMALL
TO_WALL = replace(SMALL, wall_seconds=0.03)
TO_CPU = replace(SMALL, cpu_seconds=0.02)

# In every SAMPLE_EVERY executions: how many, under which limits, and how they may end.
Share = tuple[int, str, Limits, Outcome]
SHARES: list[Share] = [
    (200, "print('ok')", QUICK, Outcome.SUCCEEDED),
    (60, "import json; open('/tmp/a', 'w').write(json.dumps([1])); open('/dev/shm/b', 'w')", QUICK, Outcome.SUCCEEDED),
    (60, "def f(n): return f(n - 1) if n else 1 / 0\nf(20)", QUICK, Outcome.FAILED),
    (40, "raise SystemExit(3)", QUICK, Outcome.FAILED),
    (20, "import sys; print(sys.stdin.read(), end='', file=sys.stderr)", QUICK, Outcome.SUCCEEDED),
    (20, "import os; os.kill(os.getpid(), 9)", QUICK, Outcome.SIGNALED),
    (10, "import ctypes; ctypes.CDLL(None).reboot(0)", QUICK, Outcome.SYSCALL_DENIED),
    (12, "import os\nif os.fork() == 0: os.setsid(); os.read(os.pipe()[0], 1)", QUICK, Outcome.SUCCEEDED),
    (10, "import os\nwhile True: os.write(1, b'x' * 4096)", QUICK, Outcome.OUTPUT_EXCEEDED),
    (8, "b'x' * (64 << 20)", QUICK, Outcome.MEMORY_EXCEEDED),
    (10, "import os; os.read(os.pipe()[0], 1)", TO_WALL, Outcome.WALL_TIME_EXCEEDED),
    (10, "while True: pass", TO_WALL, Outcome.WALL_TIME_EXCEEDED),
    (6, "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", TO_WALL, Outcome.WALL_TIME_EXCEEDED),
    (14, "while True: pass", TO_CPU, Outcome.CPU_TIME_EXCEEDED),
]
CANCELLED = SAMPLE_EVERY - sum(share[0] for share in SHARES)


def execute_warm(box: Sandbox, first: int) -> None:
    """Run SAMPLE_EVERY programs of the mix, all kinds beside each other; `first` numbers them."""

    def run(limits: Limits) -> None:
        # Alike under each number, and no two alike: nothing may be kept of any.
        chosen = [share for share in SHARES if share[2] is limits for _ in range(share[0])]
        random.Random(first).shuffle(chosen)
        programs = (
            Program(f"{source}\n# {first + place}", stdin=f"{first + place}", files={f"f{first + place}": b"x"})
            for place, (_, source, _, _) in enumerate(chosen)
        )
        for execution in box.run_many(programs, limits=limits, isolation="warm", in_flight=IN_FLIGHT):
            _, source, _, outcome = chosen[execution.index or 0]
            assert execution.outcome is outcome, (source, execution)

    def cancel(number: int) -> None:
        source = f"import os; os.read(os.pipe()[0], 1) # {number}"
        with contextlib.suppress(TimeoutError):
            box.run(source, limits=SMALL, isolation="warm", deadline_seconds=0.05)

    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(run, limits) for limits in (QUICK, TO_WALL, TO_CPU)]
        calls += [pool.submit(cancel, number) for number in range(CANCELLED)]
        for call in calls:
            call.result()


def residents(server_pid: int) -> dict[str, list[hosts.Process]]:
    """The processes that stay from one execution to the next, by what they are."""
    jails = hosts.jails(server_pid)
    return {role: [getattr(jail, role) for jail in jails] for role in ("launcher", "nsjail", "fork_server")}


def memory_bytes(server_pid: int) -> int:
    """What a server and its slots hold while no program runs."""
    jails = hosts.settled(lambda: hosts.jails(server_pid))
    pids = [server_pid]
    for jail in jails:
        # Not init: its memory is the fork server's.
        pids += [part.pid for part in (jail.launcher, jail.nsjail, jail.fork_server, jail.program)]
    return sum(map(hosts.memory_bytes, pids))


def open_descriptors(pid: int) -> int:
    """How many descriptors a process has, but for control groups' files, which stay once they were needed."""
    descriptors = hosts.descriptors(pid)
    files = [target for target in descriptors if target.startswith("/sys/fs/cgroup/")]
    assert len(files) == len(set(files)), files
    return len(descriptors) - len(files)


def growth(samples: Sequence[int], every: int) -> float:
    """How much is added by each execution, by the line that fits the samples best."""
    slope, _ = statistics.linear_regression([every * number for number in range(len(samples))], samples)
    return slope


def test_thousands_of_warm_executions_leave_nothing_behind_and_keep_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thorough: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    strays, servers = hosts.strays(), hosts.servers()
    # A jail that gave way to another would take with it what it kept.
    executions = WARM_EXECUTIONS_WHEN_THOROUGH if thorough else WARM_EXECUTIONS
    settled_after = SETTLED_AFTER_WHEN_THOROUGH if thorough else SETTLED_AFTER
    settings = {"executions_by_jail": str(10 * executions)}
    with Sandbox.local(slots=SLOTS, settings=settings) as box:
        (server_pid,) = hosts.servers() - servers

        def traces() -> dict[str, object]:
            own = [(role, process.pid) for role, found in residents(server_pid).items() for process in found]
            pids = [("server", server_pid), *own]
            return {
                "commands": hosts.command_lines(hosts.descendants(server_pid)),
                "cgroups": hosts.cgroups_of(server_pid),
                "temporary files": set(tmp_path.rglob("*")),
                "descriptors": sorted((role, open_descriptors(pid)) for role, pid in pids),
                "mounts": sorted((role, hosts.mounts(pid)) for role, pid in own),
                "threads": sorted((role, hosts.threads(pid)) for role, pid in own),
            }

        execute_warm(box, 0)
        before, threads = hosts.settled(traces), hosts.threads(server_pid)
        samples = []
        for done in range(SAMPLE_EVERY, executions, SAMPLE_EVERY):
            execute_warm(box, done)
            if done >= settled_after:
                samples.append(memory_bytes(server_pid))
        assert hosts.settled(traces) == before
        # Of gRPC's own threads and Python's pool there are sometimes a few more, sometimes less.
        assert hosts.threads(server_pid) <= threads + SPARE_THREADS
        assert growth(samples, SAMPLE_EVERY) * 1000 <= MOST_GROWTH_BYTES_A_THOUSAND, samples
        cgroups, family = hosts.cgroups_of(server_pid), hosts.descendants(server_pid)
    hosts.eventually(lambda: not any(process.alive for process in family), "the server took its processes with it")
    hosts.eventually(lambda: hosts.strays() <= strays, "no process outlived its jail")
    assert not any(folder.exists() for folder in cgroups)
    assert list(tmp_path.iterdir()) == []
