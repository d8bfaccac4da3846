"""What the host can see of a server: its processes, descriptors, cgroups and mounts."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_POLL_SECONDS = 0.01
_QUIET_SECONDS = 0.3

Seen = TypeVar("Seen")


def eventually(condition: Callable[[], object], what: str, *, seconds: float = 20.0) -> None:
    """Wait until `condition` holds, for facts of the kernel that nobody announces.

    Raises AssertionError naming `what` after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(_POLL_SECONDS)


def settled(look: Callable[[], Seen]) -> Seen:
    """Look again and again until nothing has changed for a while; return what is seen then."""
    seen, since = look(), time.monotonic()
    while time.monotonic() - since < _QUIET_SECONDS:
        time.sleep(_POLL_SECONDS)
        if (now := look()) != seen:
            seen, since = now, time.monotonic()
    return seen


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from a later one with the same number by when it started."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether it still exists, as a zombie too."""
        return _processes().get(self) is not None


def descendants(pid: int) -> set[Process]:
    """Every process below `pid`."""
    found = _processes()
    family = {pid}
    result: set[Process] = set()
    while more := {process for process, parent in found.items() if parent in family} - result:
        result |= more
        family |= {process.pid for process in more}
    return result


def _processes() -> dict[Process, int]:
    """All processes of the host with their parents' numbers."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                # The name, in brackets, may hold anything; the numbers follow it.
                fields = (folder / "stat").read_bytes().rpartition(b") ")[2].split()
                found[Process(int(folder.name), int(fields[19]))] = int(fields[1])
    return found


def strays() -> set[Process]:
    """Processes in a PID namespace of their own, as jails have, that are below no server."""
    own = Path("/proc/self/ns/pid").readlink()
    everything = _processes().keys()
    found = set()
    for process in everything - set().union(*(descendants(pid) for pid in _servers_among(everything))):
        # some hosts guard their own first processes even from root
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if Path(f"/proc/{process.pid}/ns/pid").readlink() != own:
                found.add(process)
    return found


def command_lines(processes: Iterable[Process]) -> list[bytes]:
    """The command lines, sorted; empty for a zombie."""
    found = []
    for process in processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(Path(f"/proc/{process.pid}/cmdline").read_bytes())
    return sorted(found)


def marked(marker: str) -> list[int]:
    """Return the numbers of the processes with `marker` among the words of their command lines."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if os.fsencode(marker) in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found


def lingering(marker: str) -> str:
    """Write a program that stays until killed, and that `marked` finds from the outside."""
    return (
        f"import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', {marker!r}])"
    )


def empty_cgroups() -> set[Path]:
    """Every control group of the host, in all hierarchies, that holds no process."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    found = set()
    for _, mount_point, kind, *_ in mounts:
        if kind in ("cgroup", "cgroup2"):
            for folder, inner, _ in os.walk(mount_point):
                with contextlib.suppress(OSError):
                    if not inner and not Path(folder, "cgroup.procs").read_text():
                        found.add(Path(folder))
    return found


def mounts(pid: int) -> list[str]:
    """The mount table as the process `pid` sees it, without the kernel's own numbers."""
    lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    return sorted(line.split(" ", 3)[3] for line in lines)


def descriptors(pid: int) -> list[str]:
    """What each open descriptor of the process `pid` refers to."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return sorted(found)


def peak_memory_bytes(pid: int) -> int:
    """The most memory the process `pid` has had resident since it began or was last reset."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


def reset_peak_memory(pid: int) -> None:
    """Begin the peak anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def servers() -> set[int]:
    """The servers this process started."""
    return _servers_among(descendants(os.getpid()))


def _servers_among(processes: Iterable[Process]) -> set[int]:
    found = set()
    for process in processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"trialbox.server" in Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0"):
                found.add(process.pid)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    address: str

    @property
    def pid(self) -> int:
        """Its process's number."""
        return self.process.pid


@contextlib.contextmanager
def serving(settings: Mapping[str, str], *, prefix: Sequence[str] = ()) -> Iterator[Server]:
    """Start a server with `settings` (names without their prefix) on a Unix socket of its own.

    `prefix` goes before the server's command line.
    """
    with tempfile.TemporaryDirectory(prefix="trialbox-test-") as folder:
        address = f"unix:{folder}/socket"
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                environment = {
                    **os.environ,
                    **{f"TRIALBOX_{name}": value for name, value in settings.items()},
                    "TRIALBOX_ADDRESS": address,
                    "TRIALBOX_LIFELINE_FD": str(theirs.fileno()),
                }
                process = subprocess.Popen(
                    [*prefix, sys.executable, "-m", "trialbox.server"], env=environment, pass_fds=[theirs.fileno()]
                )
            try:
                with ours.makefile("rb") as lifeline:
                    assert lifeline.readline() == b"ready\n", "the server ended before it served"
                yield Server(process=process, address=address)
            finally:
                with contextlib.suppress(OSError):
                    ours.shutdown(socket.SHUT_RDWR)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    raise
