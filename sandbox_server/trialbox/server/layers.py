"""The layers of the isolation, by name, and what is known of each.

A layer that is missing and not waived by the operator keeps the server from serving.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

NAMESPACES = {
    "user_namespace": "user",
    "pid_namespace": "pid",
    "mount_namespace": "mnt",
    "network_namespace": "net",
    "ipc_namespace": "ipc",
    "uts_namespace": "uts",
    "cgroup_namespace": "cgroup",
}
"""Layers and the kernel's names for them."""
INSIDE = (
    "unprivileged_ids",
    "read_only_root",
    "no_capabilities",
    "no_new_privileges",
    "seccomp",
    "private_processes",
    "no_descriptors",
    "no_environment",
)
"""What a program in a jail sees of its own confinement."""
CGROUPS = {"memory_limit": "memory", "process_limit": "pids", "cpu_accounting": "cpu"}
"""Layers and the cgroup controllers that they need."""
LIMITS = ("cpu_limit", "wall_limit", "output_limit", "disk_limit")
NAMES = (*NAMESPACES, *INSIDE, *CGROUPS, *LIMITS)

JAIL_REMEDY = "run the server as root, or in a user namespace of its own with CAP_SYS_ADMIN; see SECURITY.md"


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


class LayersMissingError(Exception):
    """Nothing is served, for these layers of the isolation are missing."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        told = "".join(f"\n  {layer.name}: {layer.evidence}\n    {layer.remedy}" for layer in layers)
        super().__init__(f"these isolation layers are missing, so nothing is served:{told}")


def missing(layers: Iterable[Layer]) -> list[Layer]:
    """Those that keep a server from serving."""
    return [layer for layer in layers if layer.state is LayerState.OFF]
