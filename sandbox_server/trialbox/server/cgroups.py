"""Control groups: found by trying, on v1, v2 and hybrid hosts alike; one set for a slot."""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = ("memory", "pids", "cpu")

_V1_NAMES = {"memory": "memory", "pids": "pids", "cpu": "cpuacct"}
_PROBE_MEMORY_BYTES = 64 << 20
_UNLIMITED_V1 = "-1"
_ABANDONED_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A folder below which a controller's groups can be made; `version` is 1 or 2."""

    folder: Path
    version: int


@dataclass(frozen=True, slots=True)
class CgroupHost:
    """Where each controller works, and for each what was tried."""

    hierarchies: dict[str, Hierarchy]
    evidence: dict[str, str]


def probe() -> CgroupHost:
    """Find for each of CONTROLLERS a folder where groups can be made and limited."""
    hierarchies: dict[str, Hierarchy] = {}
    evidence: dict[str, str] = {}
    for controller in CONTROLLERS:
        tried = []
        for hierarchy in _candidates(controller):
            failure = _try(controller, hierarchy)
            if failure is None:
                hierarchies[controller] = hierarchy
                evidence[controller] = f"cgroup v{hierarchy.version}: made and limited a group in {hierarchy.folder}"
                break
            tried.append(f"{hierarchy.folder}: {failure}")
        else:
            evidence[controller] = "; ".join(tried) or "no cgroup mount offers it"
    return CgroupHost(hierarchies, evidence)


def remove_abandoned(host: CgroupHost) -> None:
    """Remove the empty groups of servers that were killed before they could."""
    for hierarchy in host.hierarchies.values():
        for folder in hierarchy.folder.glob("trialbox-*-*"):
            owner = folder.name.split("-")[1]
            with contextlib.suppress(OSError):  # a group with members stays
                if not Path("/proc", owner).exists() and time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                    folder.rmdir()


def _candidates(controller: str) -> list[Hierarchy]:
    own = _own_cgroups()
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        mount_point = Path(before.split()[4])
        kind, _, super_options = after.split(" ", 2)
        if kind == "cgroup2":
            folder = _existing(mount_point, own.get("", "/"))
            # Processes may not live beside groups with controllers, except in the root: an
            # ancestor that hands the controller down already comes before stepping aside.
            places = [place for place in (folder, *folder.parents) if place.is_relative_to(mount_point)]
            places.sort(key=lambda place: not _lists(place / "cgroup.subtree_control", controller))
            found += [Hierarchy(place, 2) for place in places if _lists(place / "cgroup.controllers", controller)]
        elif kind == "cgroup" and _V1_NAMES[controller] in super_options.split(","):
            name = _V1_NAMES[controller]
            found.append(Hierarchy(_existing(mount_point, own.get(name, "/")), 1))
    return found


def _own_cgroups() -> dict[str, str]:
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    return own


def _existing(mount_point: Path, path: str) -> Path:
    folder = mount_point / path.lstrip("/")
    return folder if folder.is_dir() else mount_point


def _lists(file: Path, controller: str) -> bool:
    try:
        return controller in file.read_text().split()
    except OSError:
        return False


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
            limits = SlotCgroups({controller: Hierarchy(group, hierarchy.version)})
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The kernel's own figures for a slot, since its groups were made."""

    cpu_seconds: float = 0.0
    user_share: float = 0.0
    """User time by the kernel's coarser account, which also splits what lies between two readings."""
    system_share: float = 0.0
    oom_kills: int = 0
    memory_bytes: int = 0
    """What can't be reclaimed: the page cache is left out."""
    processes: int = 0

    def cpu_since(self, before: "Counters") -> tuple[float, float]:
        """User and system seconds used since `before` was read."""
        total = self.cpu_seconds - before.cpu_seconds
        user, system = self.user_share - before.user_share, self.system_share - before.system_share
        user_seconds = total * user / (user + system) if user + system else total
        return user_seconds, total - user_seconds


class SlotCgroups:
    """The groups of one slot, at most one for each controller."""

    def __init__(self, groups: dict[str, Hierarchy]) -> None:
        self._groups = groups
        self._peak: int | None = None

    @classmethod
    def create(cls, host: CgroupHost, name: str) -> "SlotCgroups":
        """Make a group called `name` for every controller the host has."""
        groups = {}
        for controller, hierarchy in host.hierarchies.items():
            folder = hierarchy.folder / name
            folder.mkdir(exist_ok=True)
            groups[controller] = Hierarchy(folder, hierarchy.version)
        return cls(groups)

    @property
    def folders(self) -> list[str]:
        """Where a process must be put to be in all of the groups."""
        return sorted({str(group.folder) for group in self._groups.values()})

    def has(self, controller: str) -> bool:
        """Whether the host offers this one of CONTROLLERS."""
        return controller in self._groups

    def set_limits(self, *, memory_bytes: int | None, processes: int | None) -> None:
        """Bound the memory (no swap) and the tasks of the slot; None lifts the bound."""
        memory = self._groups.get("memory")
        if memory and memory.version == 2:
            _write(memory, "memory.max", "max" if memory_bytes is None else str(memory_bytes))
            _write_if_there(memory, "memory.swap.max", "0")
        elif memory:
            # The bound with swap may never be the lower one: raise it first, lower it last.
            _write_if_there(memory, "memory.memsw.limit_in_bytes", _UNLIMITED_V1)
            _write(memory, "memory.limit_in_bytes", _UNLIMITED_V1 if memory_bytes is None else str(memory_bytes))
            if memory_bytes is not None:
                _write_if_there(memory, "memory.memsw.limit_in_bytes", str(memory_bytes))
        pids = self._groups.get("pids")
        if pids:
            _write(pids, "pids.max", "max" if processes is None else str(processes))

    def read(self) -> Counters:
        """Read the kernel's counters; zero where the host has no such group."""
        total, user, system = self._cpu()
        pids = self._groups.get("pids")
        return Counters(
            cpu_seconds=total,
            user_share=user,
            system_share=system,
            oom_kills=self.oom_kills(),
            memory_bytes=self._unreclaimable_bytes(),
            processes=int(_read(pids, "pids.current")) if pids else 0,
        )

    def oom_kills(self) -> int:
        """How many processes of the slot the kernel killed for want of memory."""
        memory = self._groups.get("memory")
        if not memory:
            return 0
        text = _read(memory, "memory.events" if memory.version == 2 else "memory.oom_control")
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def cpu_seconds(self) -> float:
        """Processor time of everything that ever ran in the slot."""
        return self._cpu()[0]

    def _cpu(self) -> tuple[float, float, float]:
        """Exact total; user and system by a coarser account."""
        cpu = self._groups.get("cpu")
        if not cpu:
            return 0.0, 0.0, 0.0
        if cpu.version == 2:
            stat = dict(line.split() for line in _read(cpu, "cpu.stat").splitlines())
            names = ("usage_usec", "user_usec", "system_usec")
            total, user, system = (int(stat[name]) / 1e6 for name in names)
        else:
            # Of the two, only the first is exact: v1 counts the others by timer ticks.
            names = ("cpuacct.usage", "cpuacct.usage_user", "cpuacct.usage_sys")
            total, user, system = (int(_read(cpu, name)) / 1e9 for name in names)
        return total, user, system

    def _unreclaimable_bytes(self) -> int:
        memory = self._groups.get("memory")
        if not memory:
            return 0
        current = _read(memory, "memory.current" if memory.version == 2 else "memory.usage_in_bytes")
        # Cached file pages give way when the limit is reached, so they are not in use.
        prefix = "" if memory.version == 2 else "total_"
        stat = dict(line.split() for line in _read(memory, "memory.stat").splitlines())
        cache = int(stat[f"{prefix}active_file"]) + int(stat[f"{prefix}inactive_file"])
        return max(0, int(current) - cache)

    def reset_peak(self) -> None:
        """Start the peak of memory anew, as far as this kernel can."""
        memory = self._groups.get("memory")
        if memory and memory.version == 2:
            # From Linux 6.12 the peak can be reset, for the descriptor it is written to.
            if self._peak is None:
                with contextlib.suppress(OSError):
                    self._peak = os.open(memory.folder / "memory.peak", os.O_RDWR | os.O_CLOEXEC)
            if self._peak is not None:
                os.pwrite(self._peak, b"0", 0)
        elif memory:
            _write(memory, "memory.max_usage_in_bytes", "0")

    def peak_memory_bytes(self) -> int:
        """The most memory the slot held at once since reset_peak.

        Where the kernel can't reset it, what is held now: a lower bound.
        """
        memory = self._groups.get("memory")
        if not memory:
            return 0
        if memory.version == 1:
            return int(_read(memory, "memory.max_usage_in_bytes"))
        if self._peak is None:
            return int(_read(memory, "memory.current"))
        return int(os.pread(self._peak, 64, 0))

    def any_process(self) -> bool:
        """Whether any process is still in one of the groups."""
        return any(_read(group, "cgroup.procs").strip() for group in self._groups.values() if group.folder.is_dir())

    def remove(self) -> None:
        """Remove the groups; they must be empty of processes."""
        if self._peak is not None:
            os.close(self._peak)
            self._peak = None
        for group in self._groups.values():
            with contextlib.suppress(FileNotFoundError):
                group.folder.rmdir()


def _read(group: Hierarchy, name: str) -> str:
    return (group.folder / name).read_text()


def _write(group: Hierarchy, name: str, text: str) -> None:
    (group.folder / name).write_text(text)


def _write_if_there(group: Hierarchy, name: str, text: str) -> None:
    if (group.folder / name).exists():
        _write(group, name, text)
