"""The layers of the isolation: each probed from inside a real jail or by trying it.

A layer that is missing and not waived by the operator keeps the server from serving.
"""

import enum
import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from trialbox.server.cgroups import CgroupHost
from trialbox.server.model import IsolationPath, Job, Limits, Outcome, Program
from trialbox.server.watching import Execute

_NAMESPACES = {
    "user_namespace": "user",
    "pid_namespace": "pid",
    "mount_namespace": "mnt",
    "network_namespace": "net",
    "ipc_namespace": "ipc",
    "uts_namespace": "uts",
    "cgroup_namespace": "cgroup",
}
_INSIDE = ("unprivileged_ids", "read_only_root", "no_capabilities", "no_new_privileges", "seccomp", "private_processes")
_CGROUPS = {"memory_limit": "memory", "process_limit": "pids", "cpu_accounting": "cpu"}
_CGROUP_REMEDY = (
    "give the server a cgroup of its own with the {} controller delegated, writable by it, "
    "or accept the loss: TRIALBOX_WAIVED_LAYERS='[\"{}\"]'"
)
_JAIL_REMEDY = "run the server as root, or in a user namespace of its own with CAP_SYS_ADMIN; see SECURITY.md"


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


class LayerState(enum.Enum):
    """ON, or missing: WAIVED by the operator or OFF."""

    ON = "ON"
    WAIVED = "WAIVED"
    OFF = "OFF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer, how it was probed and, when missing, what to do about it."""

    name: str
    state: LayerState
    evidence: str
    remedy: str = ""


NAMES = (
    *_NAMESPACES,
    *_INSIDE,
    *_CGROUPS,
    "wall_limit",
    "output_limit",
    "disk_limit",
)


def missing(layers: list[Layer]) -> list[Layer]:
    """Those that keep a server from serving."""
    return [layer for layer in layers if layer.state is LayerState.OFF]


async def probe(
    execute: Execute,
    cgroup_host: CgroupHost,
    *,
    runtime: str,
    isolation: IsolationPath,
    memory_bytes: int,
    waived: frozenset[str],
) -> list[Layer]:
    """Try every layer in a jail, with no more memory than that; raises SandboxBrokenError."""
    limits = replace(_LIMITS, memory_bytes=min(_LIMITS.memory_bytes, memory_bytes))
    found: dict[str, tuple[bool, str, str]] = {}
    source = resources.files("trialbox.server").joinpath("guest/probe.py").read_bytes()
    program = Program(source=source, runtime=runtime)
    execution = await execute(Job(program=program, limits=limits, isolation=isolation))
    try:
        facts = json.loads(execution.stdout)
    except ValueError:
        detail = execution.stderr.decode(errors="replace").strip()
        facts = {}
        failure = (False, f"the probe ended as {execution.outcome.name}: {detail}", _JAIL_REMEDY)
        found |= dict.fromkeys(NAMES, failure)
    if facts:
        found |= _from_inside(facts)
        found |= await _from_limits(execute, runtime, isolation, limits)
    for name, controller in _CGROUPS.items():
        on = controller in cgroup_host.hierarchies
        found[name] = (on, cgroup_host.evidence[controller], _CGROUP_REMEDY.format(controller, name))
    return [_layer(name, *found[name], waived=name in waived) for name in NAMES]


def _from_inside(facts: dict[str, str]) -> dict[str, tuple[bool, str, str]]:
    found = {}
    for name, kind in _NAMESPACES.items():
        inside, outside = facts[f"ns_{kind}"], str(Path(f"/proc/self/ns/{kind}").readlink())
        found[name] = (inside != outside, f"{inside} in the jail, {outside} outside", _JAIL_REMEDY)
    for name in _INSIDE:
        found[name] = (facts[f"{name}_failure"] == "", facts[f"{name}_failure"] or facts[name], _JAIL_REMEDY)
    return found


async def _from_limits(
    execute: Execute, runtime: str, isolation: IsolationPath, limits: Limits
) -> dict[str, tuple[bool, str, str]]:
    probes: dict[str, tuple[bytes, dict[str, Any], Outcome]] = {
        "wall_limit": (b"while True: pass", {"wall_seconds": 0.2}, Outcome.WALL_TIME_EXCEEDED),
        "output_limit": (b"while True: print('x' * 4096)", {"output_bytes": 65536}, Outcome.OUTPUT_EXCEEDED),
        "disk_limit": (_FILL_DISK, {"disk_bytes": 1 << 20}, Outcome.SUCCEEDED),
    }
    found = {}
    for name, (source, changes, wanted) in probes.items():
        program = Program(source=source, runtime=runtime)
        job = Job(program=program, limits=replace(limits, **changes), isolation=isolation)
        execution = await execute(job)
        told = (execution.stdout if name == "disk_limit" else b"").decode(errors="replace").strip()
        seen = told or f"a program that goes beyond it ended as {execution.outcome.name}"
        found[name] = (execution.outcome is wanted, seen, _JAIL_REMEDY)
    return found


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


def _layer(name: str, on: bool, evidence: str, remedy: str, *, waived: bool) -> Layer:
    if on:
        return Layer(name=name, state=LayerState.ON, evidence=evidence)
    return Layer(name=name, state=LayerState.WAIVED if waived else LayerState.OFF, evidence=evidence, remedy=remedy)
