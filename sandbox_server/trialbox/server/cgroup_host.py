"""Where a host's control groups can be made: found by trying, on v1, v2 and hybrid hosts alike."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trialbox.server.cgroups import CONTROLLERS, Hierarchy, SlotCgroups

# On v1 what counts processor time and what shares it out are two; on v2 one does both. With the latter, groups get
# equal shares of busy processors, however many processes each has.
_CPU_SHARE = "cpu_share"
_V1_NAMES = {"memory": "memory", "pids": "pids", "cpu": "cpuacct", _CPU_SHARE: "cpu"}
_PROBE_MEMORY_BYTES = 64 << 20
_ABANDONED_SECONDS = 10


@dataclass(frozen=True, slots=True)
class _Place:
    hierarchy: Hierarchy
    controllers: set[str]
    """Which of ours it may have."""


@dataclass(frozen=True, slots=True)
class CgroupHost:
    """Where each controller works, and for each of CONTROLLERS what was tried."""

    hierarchies: dict[str, Hierarchy]
    evidence: dict[str, str]

    def available_memory_bytes(self) -> int:
        """How much memory there is for all slots: the machine's, or what the group they are made in may have."""
        lines = Path("/proc/meminfo").read_text().splitlines()
        machine = int(next(line for line in lines if line.startswith("MemTotal:")).split()[1]) * 1024
        hierarchy = self.hierarchies.get("memory")
        if hierarchy is None:
            return machine
        file = hierarchy.folder / ("memory.max" if hierarchy.version == 2 else "memory.limit_in_bytes")
        bound = file.read_text().strip() if file.exists() else "max"  # v2's root group has none
        return min(machine, int(bound)) if bound.isdigit() else machine

    def remove_abandoned(self) -> None:
        """Remove the empty groups of servers that were killed before they could."""
        for hierarchy in self.hierarchies.values():
            for folder in hierarchy.folder.glob("trialbox-*-*"):
                owner = folder.name.split("-")[1]
                with contextlib.suppress(OSError):  # a group with members stays
                    if not Path("/proc", owner).exists() and time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                        folder.rmdir()


def probe() -> CgroupHost:
    """Find for each of CONTROLLERS, and for shares of processors on v1, where groups can be made and limited."""
    hierarchies: dict[str, Hierarchy] = {}
    failures: dict[str, list[str]] = {}
    for places in _by_hierarchy():
        hierarchies = _best(places, failures) | hierarchies
    evidence = {}
    for controller in CONTROLLERS:
        if controller in hierarchies:
            found = hierarchies[controller]
            evidence[controller] = f"cgroup v{found.version}: made and limited a group in {found.folder}"
        else:
            evidence[controller] = "; ".join(failures.get(controller, ())) or "no cgroup mount offers it"
    return CgroupHost(hierarchies, evidence)


def _by_hierarchy() -> Iterator[list[_Place]]:
    """Give the places of each mount of v1, and those of v2, which is one hierarchy wherever it is mounted."""
    own = _own_cgroups()
    version_2: list[_Place] = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        mount_point = Path(before.split()[4])
        kind, _, super_options = after.split(" ", 2)
        if kind == "cgroup2":
            version_2 += _places(mount_point, _existing(mount_point, own.get("", "/")))
        elif kind == "cgroup":
            options = super_options.split(",")
            names = {controller: name for controller, name in _V1_NAMES.items() if name in options}
            if names:
                folder = _existing(mount_point, own.get(next(iter(names.values())), "/"))
                yield [_Place(Hierarchy(folder, 1), set(names))]
    yield sorted(version_2, key=_rank, reverse=True)


def _places(mount_point: Path, own: Path) -> list[_Place]:
    """List what lies on the way to this process's own group on v2."""
    return [
        _Place(Hierarchy(folder, 2), _listed(folder / "cgroup.controllers") & set(CONTROLLERS))
        for folder in (own, *own.parents)
        if folder.is_relative_to(mount_point)
    ]


def _rank(place: _Place) -> tuple[int, int]:
    # Processes may not live beside groups with controllers, except in the root: an ancestor that hands the
    # controllers down already comes before stepping aside.
    handed_down = place.controllers & _listed(place.hierarchy.folder / "cgroup.subtree_control")
    return len(place.controllers), len(handed_down)


def _best(places: list[_Place], failures: dict[str, list[str]]) -> dict[str, Hierarchy]:
    """Find the place where most controllers work. A process is in one group of a hierarchy: it must do for all."""
    best: dict[str, Hierarchy] = {}
    for place in places:
        working = {}
        for controller in place.controllers:
            failure = _try(controller, place.hierarchy)
            if failure is None:
                working[controller] = place.hierarchy
            else:
                failures.setdefault(controller, []).append(f"{place.hierarchy.folder}: {failure}")
        if len(working) > len(best):
            best = working
        if len(best) == len(places[0].controllers):
            break
    return best


def _own_cgroups() -> dict[str, str]:
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    return own


def _existing(mount_point: Path, path: str) -> Path:
    folder = mount_point / path.lstrip("/")
    return folder if folder.is_dir() else mount_point


def _listed(file: Path) -> set[str]:
    try:
        return set(file.read_text().split())
    except OSError:
        return set()


def _try(controller: str, hierarchy: Hierarchy) -> str | None:
    """Make, limit and remove a group; None when all of it worked, else what failed."""
    if hierarchy.version == 2:
        failure = _hand_down(controller, hierarchy.folder)
        if failure:
            return failure
    group = hierarchy.folder / f"trialbox-probe-{os.getpid()}"
    try:
        group.mkdir()
        try:
            with contextlib.closing(SlotCgroups({controller: Hierarchy(group, hierarchy.version)})) as limits:
                limits.set_limits(memory_bytes=_PROBE_MEMORY_BYTES, processes=64)
                limits.read()
        finally:
            group.rmdir()
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _hand_down(controller: str, folder: Path) -> str | None:
    subtree = folder / "cgroup.subtree_control"
    try:
        if controller in subtree.read_text().split():
            return None
        if (folder / "cgroup.procs").read_text().split() == [str(os.getpid())]:
            # Alone here: step aside, since a group with members can't hand controllers down.
            leaf = folder / "trialbox-server"
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text(str(os.getpid()))
        subtree.write_text(f"+{controller}")
    except OSError as error:
        return f"can't hand {controller} down: {error}"
    return None
