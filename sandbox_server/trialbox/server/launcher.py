"""One slot's resident launcher: starts nsjail inside the slot's cgroups and private world.

Runs as a process of its own, by path, with the standard library only. It exists since a
process's place in the cgroups is best inherited (moving one costs 15 ms on an idle v1
machine), and since its mount namespace, a minimal world that nothing of the host is
left in, spares the host nsjail's working directories and every jail the host's mount table.

Packets on the socket at descriptor 0, JSON:
  host to launcher   {} with a file attached that holds {"cgroups": [...], "world": {...}};
                     then {"launch": n, "argv": [...]} with a jail's descriptors attached, to
                     be its 0, 1, 2, ...
  launcher to host   {"ready": true} or {"error": text}; then, when a jail has
                     ended, {"launch": n, "exited": wait status}
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import stat
import sys
import traceback
from pathlib import Path
from typing import Any

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT = 1, 2, 4, 32
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000
_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

# Last to be chosen when memory runs out, where the host may say so; the program is made
# the first in any case.
_OOM_SCORE = -998
_MAXIMUM_DESCRIPTORS = 16
_PACKET_BYTES = 1 << 20
# Where the world is built before it becomes the root: a folder every Linux host has and
# that no runtime lies in.
_STAGE = Path("/sys")

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Set up, then start one jail after another until the host closes the socket."""
    _die_with_parent(int(sys.argv[1]))
    os.umask(0o022)  # the jail's ids must get through what is made here
    # A host that goes before it has read all resets the socket instead of closing it.
    with contextlib.suppress(ConnectionError):
        _serve(socket.socket(fileno=0))


def _serve(host: socket.socket) -> None:
    _, descriptors, _, _ = socket.recv_fds(host, _PACKET_BYTES, 1)
    if not descriptors:
        return
    with os.fdopen(descriptors[0]) as file:
        setup = json.load(file)
    try:
        _set_up(setup)
    except OSError:
        host.send(json.dumps({"error": traceback.format_exc()}).encode())
        return
    host.send(b'{"ready": true}')
    launches: dict[int, int] = {}
    ended_read, ended_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(ended_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poller = select.poll()
    poller.register(host, select.POLLIN)
    poller.register(ended_read, select.POLLIN)
    while True:
        ready = dict(poller.poll())
        if ended_read in ready:
            os.read(ended_read, _PACKET_BYTES)
            _tell_who_ended(host, launches)
        if host.fileno() in ready:
            packet, descriptors, _, _ = socket.recv_fds(host, _PACKET_BYTES, _MAXIMUM_DESCRIPTORS)
            if not packet:
                return
            request = json.loads(packet)
            launches[_start(request["argv"], descriptors)] = request["launch"]
            for descriptor in descriptors:
                os.close(descriptor)


def _tell_who_ended(host: socket.socket, launches: dict[int, int]) -> None:
    while launches:
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        host.send(json.dumps({"launch": launches.pop(process), "exited": status}).encode())


def _die_with_parent(parent: int) -> None:
    _call(_libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # died before the request took hold
        os._exit(1)


def _set_up(setup: dict[str, Any]) -> None:
    with contextlib.suppress(PermissionError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))
    for cgroup in setup["cgroups"]:
        Path(cgroup, "cgroup.procs").write_text(str(os.getpid()))
    # One empty network namespace serves all the slot's jails: making one takes a lock
    # that the whole kernel shares.
    _call(_libc.unshare, _CLONE_NEWNS | _CLONE_NEWNET)
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    # Without nosuid, which nsjail will set: it can't remount a root that has it locked.
    _mount("trialbox", str(_STAGE), "tmpfs", 0, "mode=755")
    _build(setup["world"])
    os.chdir(_STAGE)
    _call(_libc.syscall, _PIVOT_ROOT[os.uname().machine], b".", b".")
    _call(_libc.umount2, b".", _MNT_DETACH)
    os.chdir("/")


def _build(world: dict[str, Any]) -> None:
    for folder in world["folders"]:
        _inside(folder).mkdir(parents=True, exist_ok=True)
    _inside("/tmp").chmod(0o1777)  # nsjail works here with the jail's ids
    for path, text in world["files"].items():
        _room_for(path).write_bytes(text.encode("latin-1"))
    for path, source in world["copies"].items():
        copy = _room_for(path)
        copy.write_bytes(Path(source).read_bytes())
        copy.chmod(0o755)
    for path, target in world["links"].items():
        _room_for(path).symlink_to(target)
    for target, source in world["binds"].items():
        place = _room_for(target)
        if Path(source).is_char_device() and _make_device(place, source):
            continue
        if Path(source).is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.touch()
        _mount(source, str(place), "", _MS_BIND)
        device = 0 if Path(source).is_char_device() else _MS_NODEV
        if source != "/proc":
            # A container's devices may be noexec, which who isn't the host's root may not take back.
            kept = os.statvfs(place).f_flag & os.ST_NOEXEC
            _mount("none", str(place), "", _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | device | kept)
    for mask in world["masks"]:
        _mount("trialbox", str(_inside(mask)), "tmpfs", _MS_RDONLY | _MS_NOSUID | _MS_NODEV, "mode=755")


def _make_device(place: Path, source: str) -> bool:
    """Make a device node of the slot's own, so that no lock on it reaches another; False where forbidden."""
    try:
        os.mknod(place, stat.S_IFCHR, Path(source).stat().st_rdev)
    except PermissionError:
        return False
    place.chmod(0o666)
    return True


def _inside(path: str) -> Path:
    return _STAGE / path.lstrip("/")


def _room_for(path: str) -> Path:
    """Make the folders above a path inside, and return its place."""
    place = _inside(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _start(argv: list[str], descriptors: list[int]) -> int:
    launcher = os.getpid()
    process = os.fork()
    if process:
        return process
    try:
        signal.set_wakeup_fd(-1)
        _die_with_parent(launcher)
        # Out of the way first: a number received may be one that is to be assigned.
        high = [os.dup2(descriptor, 100 + i) for i, descriptor in enumerate(descriptors)]
        for number, descriptor in enumerate(high):
            os.dup2(descriptor, number, inheritable=True)
        os.closerange(len(high), 100 + len(high))
        os.execve(argv[0], argv, {})
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(127)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    _call(_libc.mount, source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())


def _call(function: Any, *arguments: object) -> None:
    if function(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}{arguments!r}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
