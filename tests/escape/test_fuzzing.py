"""Random system calls, made in jails for some seconds, do nothing to the service, to the host, or to others' programs.

FUZZ_SECONDS and FUZZ_SEED in the environment choose how long and which: see `make fuzz`.
"""

import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import allowed_syscalls
import attacks
import hosts
import pytest
from executions import Run, printed

from trialbox.client import Limits, Outcome, Program, Sandbox

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the fuzzer draws numbers of x86-64")

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 4)
SEED = int(os.environ.get("FUZZ_SEED") or 1)
SECONDS_A_PROGRAM = 1.0
# How many calls that the filter lets through are made for each of any number.
SHARE = 4
LIMITS = Limits(wall_seconds=5, cpu_seconds=5, memory_bytes=128 << 20, processes=32, output_bytes=1 << 20)
_MIB = 1 << 20
# The first changes with every process of the host; to read the others does something.
_NOT_SETTINGS = {"ns_last_pid", "drop_caches", "stat_refresh", "compact_memory"}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What random calls must leave as it was."""

    processes: list[bytes]
    cgroups: set[Path]
    mounts: dict[int, list[str]]
    descriptors: dict[int, list[str]]
    threads: int
    ipc: dict[str, list[str]]
    settings: dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the fuzzer says that it has done."""

    calls: int
    succeeded: list[int]


def state(server_pid: int) -> State:
    """Look at the server, and at what the host has once for all."""
    return State(
        processes=hosts.command_lines(hosts.descendants(server_pid)),
        cgroups=hosts.cgroups_of(server_pid),
        mounts={pid: hosts.mounts(pid) for pid in (server_pid, os.getpid())},
        descriptors={server_pid: _kinds(hosts.descriptors(server_pid))},
        threads=hosts.threads(server_pid),
        ipc={kind: _owned_by_jails(kind) for kind in ("shm", "msg", "sem")},
        settings=dict(_settings()),
    )


def _kinds(descriptors: list[str]) -> list[str]:
    return sorted(what.partition(":[")[0] for what in descriptors)


def _owned_by_jails(kind: str) -> list[str]:
    """System V objects of users with numbers as only jails have."""
    lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()
    place = lines[0].split().index("uid")
    return [line for line in lines[1:] if int(line.split()[place]) > 1 << 16]


def _settings() -> Iterator[tuple[str, bytes]]:
    """The kernel's settings that no other process has reason to change."""
    for folder in ("kernel", "vm", "net/core", "net/ipv4", "fs"):
        for path in Path("/proc/sys", folder).glob("*"):
            if path.is_file() and path.stat().st_mode & 0o200 and path.name not in _NOT_SETTINGS:
                try:
                    yield str(path), path.read_bytes()
                except OSError:
                    continue


def test_random_system_calls_harm_neither_the_service_nor_the_host(
    one_slot_server: tuple[Sandbox, int], run_on_one_slot: Run, tmp_path: Path
) -> None:
    _, server_pid = one_slot_server
    printed(run_on_one_slot("print()"))
    before = hosts.settled(lambda: state(server_pid))
    memory = hosts.memory_bytes(server_pid)
    clock = time.time() - time.monotonic()
    numbers = json.dumps(sorted(_let_through())).encode()
    source = (attacks.FOLDER / attacks.PACKAGE / "fuzzer.py").read_bytes()
    calls, succeeded = 0, set()
    until = time.monotonic() + SECONDS
    with attacks.standing_victim() as (_, what_was_done_to_it):
        for seed in itertools.count(SEED):
            program = Program(source, args=(str(seed), str(SECONDS_A_PROGRAM), str(SHARE)), files={"numbers": numbers})
            execution = run_on_one_slot(program, limits=LIMITS)
            # A program that kills itself, or fills its memory, has ended like any other.
            assert execution.outcome in Outcome, execution
            told = _last_told(execution.stdout)
            calls += told.calls
            succeeded |= set(told.succeeded)
            assert printed(run_on_one_slot("print('still served')")) == "still served", f"after seed {seed}"
            if time.monotonic() > until:
                break
        assert what_was_done_to_it() == []
    sys.stdout.write(f"\n{calls} calls, of which {len(succeeded)} numbers succeeded, with seeds {SEED} to {seed}\n")
    assert calls > 2000 * SECONDS, "too few calls to say much"
    assert len(succeeded) > 100, succeeded
    assert hosts.settled(lambda: state(server_pid)) == before
    assert abs(time.time() - time.monotonic() - clock) < 1
    assert hosts.memory_bytes(server_pid) - memory < 32 * _MIB


def _let_through() -> set[int]:
    instructions = allowed_syscalls.program()
    return {
        number
        for number in range(allowed_syscalls.LINUX_NUMBERS)
        if allowed_syscalls.ALLOWED in allowed_syscalls.answers(instructions, number)
    }


def _last_told(output: bytes) -> Told:
    # Rounds write what they like to the same pipe.
    for line in reversed(output.splitlines()):
        if line.startswith(b'{"calls"') and line.endswith(b"}"):
            return Told(**json.loads(line))
    return Told(calls=0, succeeded=[])
