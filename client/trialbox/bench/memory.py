"""What a slot costs while it waits: the memory of its processes, as the kernel counts it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trialbox.bench.programs import MeasurementError

_PRIVATE = ("Private_Clean", "Private_Dirty", "Private_Hugetlb")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The memory of one slot's processes, summed."""

    processes: int
    private_bytes: int
    """Pages that one process alone has: what ends with it."""
    proportional_bytes: int
    """These, and of shared pages each process's share: pages that only the slot's own share are counted here."""


def footprints() -> list[Footprint]:
    """One for each slot of the embedded server: the launcher below the server and everything below that.

    Raises MeasurementError.
    """
    children = _children()
    servers = [pid for pid in children.get(os.getpid(), ()) if b"trialbox.server" in _words(pid)]
    if len(servers) != 1:
        raise MeasurementError(f"the server's process is not to be found among {servers}")
    found = [_footprint(list(_family(launcher, children))) for launcher in children.get(servers[0], ())]
    if not found:
        raise MeasurementError("the server has no slots")
    return found


def _footprint(pids: list[int]) -> Footprint:
    counters = [_counters(pid) for pid in pids]
    return Footprint(
        processes=len(pids),
        private_bytes=sum(found.get(name, 0) for found in counters for name in _PRIVATE),
        proportional_bytes=sum(found.get("Pss", 0) for found in counters),
    )


def _counters(pid: int) -> dict[str, int]:
    """The lines of smaps_rollup, in bytes; none of a process that has ended."""
    lines: list[str] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        # The first line names the addresses.
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    return {name: int(size.split()[0]) * 1024 for name, size in (line.split(":") for line in lines)}


def _family(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _family(child, children)


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                # The name, in brackets, may hold anything; the parent's number follows it.
                parent = int((folder / "stat").read_bytes().rpartition(b") ")[2].split()[1])
                found.setdefault(parent, []).append(int(folder.name))
    return found


def _words(pid: int) -> list[bytes]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    return []
