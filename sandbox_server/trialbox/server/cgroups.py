"""A slot's control groups: its limits, and what the kernel counts, alike on v1 and v2."""

import contextlib
import os
import signal
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONTROLLERS = ("memory", "pids", "cpu")

_UNLIMITED_V1 = "-1"
# More than any of the files read here holds.
_FILE_BYTES = 1 << 14
# Each processor charges so much to a group ahead of need. Figures no finer than this mostly
# stay the same from one program to the next, and then so do the limits, which need not be written.
_ACCURACY_BYTES = 1 << 18
# More than there is: all that can be had.
_RECLAIMED_BYTES = 1 << 40


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A folder below which a controller's groups can be made; `version` is 1 or 2."""

    folder: Path
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The kernel's own figures for a slot, since its groups were made."""

    cpu_seconds: float = 0.0
    oom_kills: int = 0
    memory_bytes: int = 0
    """What can't be reclaimed: the page cache is left out. Rounded up to what the kernel charges at once."""


class SlotCgroups:
    """The groups of one slot, at most one for each controller.

    Their files stay open: opening one costs ten times what reading it does.
    """

    def __init__(self, groups: dict[str, Hierarchy]) -> None:
        self._groups = groups
        self._files: dict[tuple[str, str], int | None] = {}
        self._limits: tuple[int | None, int | None] | None = None
        self._peak_before = self._ooms_before = 0

    @classmethod
    def create(cls, hierarchies: Mapping[str, Hierarchy], name: str) -> "SlotCgroups":
        """Make a group called `name` for every controller that there is a hierarchy for."""
        groups = {}
        for controller, hierarchy in hierarchies.items():
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
        if (memory_bytes, processes) == self._limits:
            return
        self._limits = None  # in doubt until all is written
        version = self._version("memory")
        if version == 2:
            self._write("memory", "memory.max", "max" if memory_bytes is None else str(memory_bytes))
            self._write_if_there("memory", "memory.swap.max", "0")
        elif version == 1:
            # The bound with swap may never be the lower one: raise it first, lower it last.
            self._write_if_there("memory", "memory.memsw.limit_in_bytes", _UNLIMITED_V1)
            bound = _UNLIMITED_V1 if memory_bytes is None else str(memory_bytes)
            self._write("memory", "memory.limit_in_bytes", bound)
            if memory_bytes is not None:
                self._write_if_there("memory", "memory.memsw.limit_in_bytes", bound)
        if self.has("pids"):
            self._write("pids", "pids.max", "max" if processes is None else str(processes))
        self._limits = (memory_bytes, processes)

    def read(self) -> Counters:
        """Read the kernel's counters; zero where the host has no such group."""
        return Counters(
            cpu_seconds=self.cpu_seconds(),
            oom_kills=self.oom_kills(),
            memory_bytes=-(-self._unreclaimable_bytes() // _ACCURACY_BYTES) * _ACCURACY_BYTES,
        )

    def processes(self) -> int:
        """How many tasks the slot has now."""
        return int(self._read("pids", "pids.current")) if self.has("pids") else 0

    def oom_kills(self) -> int:
        """How many processes of the slot the kernel killed for want of memory."""
        version = self._version("memory")
        if not version:
            return 0
        return _number(self._read("memory", "memory.events" if version == 2 else "memory.oom_control"), "oom_kill")

    def cpu_seconds(self) -> float:
        """Processor time of everything that ever ran in the slot."""
        version = self._version("cpu")
        if not version:
            return 0.0
        if version == 2:
            return _number(self._read("cpu", "cpu.stat"), "usage_usec") / 1e6
        return int(self._read("cpu", "cpuacct.usage")) / 1e9

    def _unreclaimable_bytes(self) -> int:
        version = self._version("memory")
        if not version:
            return 0
        current = self._read("memory", "memory.current" if version == 2 else "memory.usage_in_bytes")
        # Cached file pages give way when the limit is reached, so they are not in use.
        prefix = "" if version == 2 else "total_"
        parts = self._read("memory", "memory.stat")
        cache = _number(parts, f"{prefix}active_file") + _number(parts, f"{prefix}inactive_file")
        return max(0, int(current) - cache)

    def reset_peak(self) -> None:
        """Start the peak of memory anew, as far as this kernel can."""
        version = self._version("memory")
        if version == 2:
            # From Linux 6.12 the peak can be reset, for the descriptor it is written to.
            self._write_if_there("memory", "memory.peak", "0")
            if not self._resets_peak():
                self._peak_before, self._ooms_before = self._peak_so_far(), self._ooms()
        elif version == 1:
            self._write("memory", "memory.max_usage_in_bytes", "0")

    def peak_memory_bytes(self) -> int:
        """The most memory the slot held at once since reset_peak.

        Where the kernel can't reset it, and it neither rose nor met the limit, what is held now: a lower bound.
        """
        version = self._version("memory")
        if not version:
            return 0
        if version == 1:
            return int(self._read("memory", "memory.max_usage_in_bytes"))
        if self._resets_peak():
            return int(self._read("memory", "memory.peak"))
        peak = self._peak_so_far()
        if peak > self._peak_before:
            return peak
        limit = self._limits[0] if self._limits else None
        if limit is not None and self._ooms() > self._ooms_before:
            return limit
        return int(self._read("memory", "memory.current"))

    def _resets_peak(self) -> bool:
        return self._files.get(("memory", "memory.peak")) is not None

    def _peak_so_far(self) -> int:
        """The most memory the group ever held; 0 before Linux 5.19, which does not tell."""
        file = self._groups["memory"].folder / "memory.peak"
        return int(file.read_text()) if file.exists() else 0

    def _ooms(self) -> int:
        """How often the group met its own limit and had nothing to give back."""
        return _number(self._read("memory", "memory.events"), "oom")

    def any_process(self) -> bool:
        """Whether any process is still in one of the groups."""
        return any(
            (group.folder / "cgroup.procs").read_text().strip()
            for group in self._groups.values()
            if group.folder.is_dir()
        )

    def kill_processes(self) -> None:
        """Kill whatever is in the groups."""
        for group in self._groups.values():
            if group.folder.is_dir():
                for pid in (group.folder / "cgroup.procs").read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        if pid != "0":  # of a PID namespace that this process can't see
                            os.kill(int(pid), signal.SIGKILL)

    def reclaim(self) -> None:
        """Have the kernel give up what it keeps for the slot and could do without, as far as it can."""
        version = self._version("memory")
        with contextlib.suppress(OSError):  # less than asked for could be had
            if version == 2:
                self._write_if_there("memory", "memory.reclaim", str(_RECLAIMED_BYTES))
            elif version == 1:
                self._write_if_there("memory", "memory.force_empty", "0")

    def remove(self) -> None:
        """Remove the groups; they must be empty of processes."""
        self.close()
        for group in self._groups.values():
            with contextlib.suppress(FileNotFoundError):
                group.folder.rmdir()

    def close(self) -> None:
        """Close the groups' files."""
        for descriptor in self._files.values():
            if descriptor is not None:
                os.close(descriptor)
        self._files.clear()

    def _version(self, controller: str) -> int:
        group = self._groups.get(controller)
        return group.version if group else 0

    def _read(self, controller: str, name: str) -> str:
        return os.pread(self._file(controller, name), _FILE_BYTES, 0).decode()

    def _write(self, controller: str, name: str, text: str) -> None:
        os.pwrite(self._file(controller, name), text.encode() + b"\n", 0)

    def _write_if_there(self, controller: str, name: str, text: str) -> None:
        key = (controller, name)
        if key not in self._files and not _takes_values(self._groups[controller].folder / name):
            self._files[key] = None
        if key not in self._files or self._files[key] is not None:
            self._write(controller, name, text)

    def _file(self, controller: str, name: str) -> int:
        descriptor = self._files.get((controller, name))
        if descriptor is None:
            path = self._groups[controller].folder / name
            flags = os.O_RDONLY
            if _takes_values(path):
                flags = os.O_RDWR if path.stat().st_mode & stat.S_IRUSR else os.O_WRONLY
            descriptor = os.open(path, flags | os.O_CLOEXEC)
            self._files[controller, name] = descriptor
        return descriptor


def _number(lines: str, name: str) -> int:
    """The number in the line `name number`, of a file of such lines."""
    before, found, after = f"\n{lines}".partition(f"\n{name} ")
    if not found:
        raise ValueError(f"no {name} in {before!r}")
    return int(after.partition("\n")[0])


def _takes_values(file: Path) -> bool:
    """Whether this kernel has the file and lets it be written to, whoever asks."""
    return file.exists() and bool(file.stat().st_mode & stat.S_IWUSR)
