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
from typing import IO, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_POLL_SECONDS = 0.01
_QUIET_SECONDS = 0.3
_CHUNK_BYTES = 1 << 20
_ANSWER_SECONDS = 30.0

# Before a command: a mount namespace in which no cgroup file system is left.
WITHOUT_CGROUPS = ("unshare", "--mount", "sh", "-c", 'umount -R /sys/fs/cgroup && exec "$@"', "sh")

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

    @property
    def ended(self) -> bool:
        """Whether it does nothing any more; a zombie does nothing."""
        try:
            fields = _stat(self.pid)
        except (FileNotFoundError, ProcessLookupError):
            return True
        return int(fields[19]) != self.started or fields[0] in (b"Z", b"X")


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
                fields = _stat(int(folder.name))
                found[Process(int(folder.name), int(fields[19]))] = int(fields[1])
    return found


def _stat(pid: int) -> list[bytes]:
    # The name, in brackets, may hold anything; the state and the numbers follow it.
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Jail:
    """The processes of a jail, of which one stands ready for a program, or runs it."""

    launcher: Process
    nsjail: Process
    fork_server: Process
    init: Process
    """PID 1 of the program's own namespace, which shares the fork server's memory."""
    program: Process

    def die_with(self, role: str) -> set[Process]:
        """The processes that the kernel, nsjail or the fork server end when that of this role is killed."""
        if role in ("init", "program"):
            return {self.init, self.program}
        jail = {self.nsjail, self.fork_server, self.init, self.program}
        return jail | {self.launcher} if role == "launcher" else jail


def jails(server_pid: int) -> list[Jail]:
    """The server's jails in which a process stands ready, or a program runs; the oldest first."""
    found = _processes()
    by_pid = {process.pid: process for process in found}
    level = len(_numbers_in_namespaces(os.getpid()))
    inits: dict[Process, Process] = {}
    programs: dict[Process, Process] = {}
    for process in descendants(server_pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, KeyError):  # one that has just ended
            parent = by_pid[found[process]]
            numbers = _numbers_in_namespaces(process.pid)
            # The fork server is one namespace further in than this process, its children are two.
            if len(numbers) == level + 2 and len(_numbers_in_namespaces(parent.pid)) == level + 1:
                (inits if numbers[-1] == 1 else programs)[parent] = process
    result = []
    for fork_server in inits.keys() & programs.keys():
        with contextlib.suppress(KeyError):
            nsjail = by_pid[found[fork_server]]
            launcher = by_pid[found[nsjail]]
            init, program = inits[fork_server], programs[fork_server]
            result.append(Jail(launcher=launcher, nsjail=nsjail, fork_server=fork_server, init=init, program=program))
    return sorted(result, key=lambda jail: jail.fork_server.started)


def _numbers_in_namespaces(pid: int) -> list[int]:
    """What a process is called in each PID namespace it is in, from this one inwards."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next([int(number) for number in line.split()[1:]] for line in lines if line.startswith("NSpid:"))


def holds(pid: int, words: Iterable[bytes]) -> set[bytes]:
    """Those of `words` that the process `pid` has in its memory."""
    words = set(words)
    overlap = max(map(len, words))
    found: set[bytes] = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            begin, end = (int(address, 16) for address in place.split("-"))
            if "r" in rights and not line.endswith(("[vvar]", "[vvar_vclock]", "[vsyscall]")):
                for start in range(begin, end, _CHUNK_BYTES):
                    memory.seek(start)
                    chunk = memory.read(min(_CHUNK_BYTES + overlap, end - start))
                    found |= {word for word in words if word in chunk}
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


def until_released(marker: str) -> str:
    """Write a program that `marked` finds from the outside, and that SIGUSR1 ends with a word printed."""
    wait = "import signal; signal.sigwait({signal.SIGUSR1}); print('released')"
    return (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\n"
        f"os.execv(sys.executable, [sys.executable, '-c', {wait!r}, {marker!r}])"
    )


def cgroups_of(server_pid: int) -> set[Path]:
    """The control groups of a server's slots, in all hierarchies."""
    return {folder for folder in _cgroups() if folder.name.startswith(f"trialbox-{server_pid}-")}


def members(cgroups: Iterable[Path]) -> set[int]:
    """The processes in these control groups."""
    found: set[int] = set()
    for folder in cgroups:
        with contextlib.suppress(OSError):
            found |= {int(number) for number in (folder / "cgroup.procs").read_text().split()}
    return found


def empty_cgroups() -> set[Path]:
    """Every control group of the host, in all hierarchies, that holds no process."""
    found = set()
    for folder, inner in _cgroups().items():
        with contextlib.suppress(OSError):
            if not inner and not (folder / "cgroup.procs").read_text():
                found.add(folder)
    return found


def _cgroups() -> dict[Path, list[str]]:
    """Every control group of the host, in all hierarchies, and the names of those in it."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return {
        Path(folder): inner
        for _, mount_point, kind, *_ in mounts
        if kind in ("cgroup", "cgroup2")
        for folder, inner, _ in os.walk(mount_point)
    }


def memory_peaks_reset() -> bool:
    """Whether the kernel can start the peak of a group's memory anew: on v2 from Linux 6.12 on."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    version_1 = any(kind == "cgroup" and "memory" in options.split(",") for _, _, kind, options, *_ in mounts)
    return version_1 or tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 12)


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


def threads(pid: int) -> int:
    """How many threads the process `pid` has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def memory_bytes(pid: int) -> int:
    """The memory of the process `pid`: what it shares with others counts by its share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


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

    def health(self) -> str:
        """What it tells probes, as soon as it answers."""
        with grpc.insecure_channel(self.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(  # type: ignore[attr-defined]  # made at run time
                health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=_ANSWER_SECONDS
            )
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


@contextlib.contextmanager
def standing_alone(
    settings: Mapping[str, str],
    *,
    command: Sequence[str] = (sys.executable, "-m", "trialbox.server"),
    address: str | None = None,
) -> Iterator[Server]:
    """Start a server by a command line as an operator would, which goes on though it may serve nothing.

    It listens on `address`, or on a Unix socket of its own.
    """
    with tempfile.TemporaryDirectory(prefix="trialbox-test-") as folder:
        address = address or f"unix:{folder}/socket"
        environment = {**{f"TRIALBOX_{name}": value for name, value in settings.items()}, "TRIALBOX_ADDRESS": address}
        process = subprocess.Popen(command, env={**os.environ, **environment})
        try:
            yield Server(process=process, address=address)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


@contextlib.contextmanager
def serving(
    settings: Mapping[str, str], *, prefix: Sequence[str] = (), log: IO[bytes] | None = None
) -> Iterator[Server]:
    """Start a server with `settings` (names without their prefix) on a Unix socket of its own.

    `prefix` goes before the server's command line; what it logs goes to `log`.
    """
    with tempfile.TemporaryDirectory(prefix="trialbox-test-") as folder:
        address = f"unix:{folder}/socket"
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                environment = {
                    **os.environ,
                    "TRIALBOX_ADDRESS": address,
                    **{f"TRIALBOX_{name}": value for name, value in settings.items()},
                    "TRIALBOX_LIFELINE_FD": str(theirs.fileno()),
                }
                process = subprocess.Popen(
                    [*prefix, sys.executable, "-m", "trialbox.server"],
                    env=environment,
                    pass_fds=[theirs.fileno()],
                    stderr=log,
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
