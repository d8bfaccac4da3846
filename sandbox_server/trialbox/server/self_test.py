"""The server attacks itself: tries every layer of the isolation from inside a real jail."""

import asyncio
import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from trialbox.server import layers
from trialbox.server.cgroup_host import CgroupHost
from trialbox.server.layers import Layer, LayerState
from trialbox.server.model import Execution, IsolationPath, Job, Limits, Outcome, Program, WorkspaceError
from trialbox.server.runtimes import Runtime
from trialbox.server.watching import Execute

_CGROUP_REMEDY = (
    "give the server a cgroup of its own with the {} controller delegated, writable by it, "
    "or accept the loss: TRIALBOX_WAIVED_LAYERS='[\"{}\"]', beside the others that you waive"
)
# A filter for all of the jail, and one for the program: on top of what the server itself is under.
_FILTERS = 2
# What the interpreter's start adds to a runtime's variables.
_STARTING_VARIABLES = frozenset(("PYTHONHASHSEED", "LC_CTYPE"))
# The operator's own defaults may be too little to tell anything by.
_LIMITS = Limits(
    wall_seconds=30,
    cpu_seconds=30,
    memory_bytes=512 << 20,
    processes=64,
    open_files=256,
    disk_bytes=64 << 20,
    disk_inodes=4096,
    output_bytes=1 << 20,
)
_SHORT_SECONDS = 0.05
_SMALL_BYTES = 1 << 20
# Little, since before Linux 6.12 a group's highest peak hides lower ones of later programs.
_PROBE_MEMORY_BYTES = 32 << 20

_SPIN = b"while True: pass"
_FLOOD = b"while True: print('x' * 4096)"
_FILL_DISK = b"""
import errno
for folder in ("/work", "/tmp", "/dev/shm"):
    try:
        for number in range(4):
            with open(f"{folder}/{number}", "wb", buffering=0) as file:
                file.write(bytes(1 << 19))
                file.write(bytes(1 << 19))
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
    else:
        raise AssertionError(f"{folder} took 4 MiB")
print("no more than 1 MiB fitted into /work, /tmp and /dev/shm")
"""
# Each child alone is within the limit.
_TAKE_MEMORY = b"""
import os
mine, theirs = os.pipe(), os.pipe()
for _ in range(2):
    if not os.fork():
        os.close(theirs[1])
        block = bytearray(%d)
        os.write(mine[1], b"x")
        os.read(theirs[0], 1)
        os._exit(0)
for _ in range(2):
    os.read(mine[0], 1)
"""
_FORK = b"""
import os
mine, theirs = os.pipe()
count = 1
try:
    while count <= %d:
        if not os.fork():
            os.close(theirs)
            os.read(mine, 1)
            os._exit(0)
        count += 1
except BlockingIOError:
    print(f"no more than {count} processes")
else:
    raise AssertionError(f"{count} processes ran at once")
"""


@dataclass(frozen=True, slots=True)
class _Finding:
    on: bool
    evidence: str
    remedy: str = layers.JAIL_REMEDY


@dataclass(frozen=True, slots=True)
class _Trial:
    """A program that goes beyond a limit, and how it must end."""

    source: bytes
    limits: Limits
    outcome: Outcome
    tells: bool = False
    """Whether it prints what it found."""


class SelfTest:
    """Tries the layers of one server."""

    def __init__(
        self,
        execute: Execute,
        cgroup_host: CgroupHost,
        runtime: Runtime,
        *,
        memory_bytes: int,
        waived: frozenset[str],
    ) -> None:
        """`memory_bytes` is the most that a program may use here, `waived` names layers that may be missing."""
        self._execute = execute
        self._cgroup_host = cgroup_host
        self._runtime = runtime
        self._limits = replace(_LIMITS, memory_bytes=min(_LIMITS.memory_bytes, memory_bytes))
        self._waived = waived

    async def run(self) -> list[Layer]:
        """Try every layer; raises SandboxBrokenError."""
        source = resources.files("trialbox.server").joinpath("guest/probe.py").read_bytes()
        try:
            execution = await self._run(source, self._limits)
        except WorkspaceError as error:
            return self._all_fail(f"the probe can't be laid out: {error}")
        try:
            facts = json.loads(execution.stdout)
        except ValueError:
            said = execution.stderr.decode(errors="replace").strip()
            return self._all_fail(f"the probe ended as {execution.outcome.name}: {said}")
        found = self._from_inside(facts)
        trials = self._trials()
        ended = await asyncio.gather(*(self._run(trial.source, trial.limits) for trial in trials.values()))
        for (name, trial), execution in zip(trials.items(), ended, strict=True):
            found[name] = _judged(trial, execution)
        for name, controller in layers.CGROUPS.items():
            evidence = self._cgroup_host.evidence[controller]
            remedy = _CGROUP_REMEDY.format(controller, name)
            tried = found.get(name)
            if tried is None:
                found[name] = _Finding(self._has(controller), evidence, remedy)
            else:
                found[name] = _Finding(tried.on, f"{evidence}; {tried.evidence}", remedy)
        return [self._layer(name, found[name]) for name in layers.NAMES]

    async def _run(self, source: bytes, limits: Limits) -> Execution:
        runtime = self._runtime
        isolation = IsolationPath.WARM if runtime.warm else IsolationPath.COLD
        program = Program(source=source, runtime=runtime.name)
        return await self._execute(Job(program=program, limits=limits, isolation=isolation))

    def _from_inside(self, facts: dict[str, str]) -> dict[str, _Finding]:
        found = {}
        for name, kind in layers.NAMESPACES.items():
            inside, outside = facts[f"ns_{kind}"], str(Path(f"/proc/self/ns/{kind}").readlink())
            found[name] = _Finding(inside != outside, f"{inside} in the jail, {outside} outside")
        for name in layers.INSIDE:
            failure = facts[f"{name}_failure"]
            found[name] = _Finding(not failure, failure or facts[name])
        found["seccomp"] = _with_both_filters(found["seccomp"], facts["seccomp_filters"])
        foreign = set(facts["no_environment"].split()) - self._runtime.environment.keys() - _STARTING_VARIABLES
        if foreign:
            found["no_environment"] = _Finding(False, f"the program has {', '.join(sorted(foreign))}")
        return found

    def _trials(self) -> dict[str, _Trial]:
        limits = self._limits
        memory = min(_PROBE_MEMORY_BYTES, limits.memory_bytes)
        block = memory // 4 * 3
        trials = {
            "cpu_limit": _Trial(_SPIN, replace(limits, cpu_seconds=_SHORT_SECONDS), Outcome.CPU_TIME_EXCEEDED),
            "wall_limit": _Trial(_SPIN, replace(limits, wall_seconds=_SHORT_SECONDS), Outcome.WALL_TIME_EXCEEDED),
            "output_limit": _Trial(_FLOOD, replace(limits, output_bytes=_SMALL_BYTES), Outcome.OUTPUT_EXCEEDED),
            "disk_limit": _Trial(_FILL_DISK, replace(limits, disk_bytes=_SMALL_BYTES), Outcome.SUCCEEDED, tells=True),
        }
        if self._has("memory"):
            source = _TAKE_MEMORY % block
            trials["memory_limit"] = _Trial(source, replace(limits, memory_bytes=memory), Outcome.MEMORY_EXCEEDED)
        if self._has("pids"):
            trials["process_limit"] = _Trial(_FORK % limits.processes, limits, Outcome.SUCCEEDED, tells=True)
        return trials

    def _has(self, controller: str) -> bool:
        return controller in self._cgroup_host.hierarchies

    def _all_fail(self, evidence: str) -> list[Layer]:
        return [self._layer(name, _Finding(False, evidence)) for name in layers.NAMES]

    def _layer(self, name: str, found: _Finding) -> Layer:
        if found.on:
            return Layer(name=name, state=LayerState.ON, evidence=found.evidence)
        state = LayerState.WAIVED if name in self._waived else LayerState.OFF
        return Layer(name=name, state=state, evidence=found.evidence, remedy=found.remedy)


def _judged(trial: _Trial, execution: Execution) -> _Finding:
    seen = f"a program that goes beyond it ended as {execution.outcome.name}"
    if trial.tells:
        told = execution.stdout or execution.stderr.rpartition(b"\n")[0].rpartition(b"\n")[2]
        seen = told.decode(errors="replace").strip() or seen
    return _Finding(execution.outcome is trial.outcome, seen)


def _with_both_filters(inside: _Finding, told: str) -> _Finding:
    """Whether the program has as many filters as it must: those that the server itself is under don't count."""
    lines = Path("/proc/self/status").read_text().splitlines()
    own = next((line.split()[1] for line in lines if line.startswith("Seccomp_filters")), "")
    if not inside.on or not told.isdigit() or not own.isdigit():  # told from Linux 5.9
        return inside
    count = int(told) - int(own)
    evidence = f"{inside.evidence}; {count} filters, and {own} that the server is under"
    return _Finding(count >= _FILTERS, evidence if count >= _FILTERS else f"{evidence}: {_FILTERS} are needed")
