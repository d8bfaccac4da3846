"""Makes places that protect from nothing, and can be thrown away, for one hostile program each.

A program runs there as root with every capability, on the host's files, changes to which stay in memory, in namespaces
of its own, beside a victim of its own, and with a descriptor and a variable of a server's. Read from stdin, a line
each: `module name...`, programs to run one after the other. Answers, a line each: what they printed, as JSON.
"""

import fcntl
import importlib
import json
import os
import resource
import signal
import socket
import stat
import struct
import sys
from pathlib import Path

from escape.hostile import tools, victim

_NAMESPACES = 0x20000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000  # mount, uts, ipc, pid, net
_MS_PRIVATE_ALL = (1 << 18) | (1 << 14)
_MS_BIND = 1 << 12
_MNT_DETACH = 2
_IFF_UP, _SIOCSIFFLAGS = 1, 0x8914
_DEVICES = {"null": (1, 3), "zero": (1, 5), "urandom": (1, 9)}
_CONTROL, _ABOVE_ALL = 3, 100
_SECONDS = 20
_KEPT_BYTES = 4000


def main() -> None:
    """Serve until stdin ends."""
    # As a server has it: a group of its own, and more than a thousand descriptors.
    group = Path("/sys/fs/cgroup/world")
    group.mkdir()
    (group / "cgroup.procs").write_text(str(os.getpid()))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for line in sys.stdin:
        module, *names = line.split()
        sys.stdout.write(f"{json.dumps(_show(module, names))}\n")
        sys.stdout.flush()


def _show(module: str, names: list[str]) -> str:
    programs = [getattr(importlib.import_module(f"escape.hostile.{module}"), name) for name in names]
    output = os.memfd_create("output")
    child = os.fork()
    if child == 0:
        for number in (1, 2):
            os.dup2(output, number)
        tools.call("unshare", _NAMESPACES)
        tools.in_child(lambda: _be_init(programs))
        os._exit(0)
    os.waitpid(child, 0)
    end = max(_KEPT_BYTES, os.fstat(output).st_size - _KEPT_BYTES)
    told = os.pread(output, _KEPT_BYTES, 0) + os.pread(output, _KEPT_BYTES, end)
    os.close(output)
    return told.decode(errors="replace")


def _be_init(programs: list[tools.Hostile]) -> None:
    """Be PID 1: when it ends, so does all that programs have started."""
    signal.alarm(_SECONDS)
    _make_place()
    wishes, _keep_wishing = os.pipe()
    answers, answering = os.pipe()
    if os.fork() == 0:
        victim.main(os.fdopen(wishes), os.fdopen(answering, "w"))
    with os.fdopen(answers) as told:
        Path("victim.json").write_text(told.readline())
    ours, theirs = (fcntl.fcntl(each.detach(), fcntl.F_DUPFD, _ABOVE_ALL) for each in socket.socketpair())
    for program in programs:
        tools.in_child(lambda program=program: _run(program, theirs))  # type: ignore[misc]
    os.close(ours)


def _run(program: tools.Hostile, control: int) -> None:
    stdin = os.memfd_create("stdin", os.MFD_ALLOW_SEALING)
    os.write(stdin, b"standard input")
    os.dup2(stdin, 0)
    os.dup2(control, _CONTROL)
    os.closerange(_CONTROL + 1, 1 << 16)
    tools.attempt(program)


def _make_place() -> None:
    _mount(b"none", b"/", b"", _MS_PRIVATE_ALL, b"")
    _mount(b"tmpfs", b"/mnt", b"tmpfs", 0, b"mode=755")
    for name in ("changed", "scratch", "root"):
        Path("/mnt", name).mkdir()
    _mount(b"overlay", b"/mnt/root", b"overlay", 0, b"lowerdir=/,upperdir=/mnt/changed,workdir=/mnt/scratch")
    Path("/mnt/root/work").mkdir(exist_ok=True)
    for folder in ("dev", "work"):
        _mount(b"tmpfs", f"/mnt/root/{folder}".encode(), b"tmpfs", 0, b"mode=1777,size=256m")
    if Path(sys.prefix).is_relative_to("/work"):
        # The server's packages are there for a program to find, wherever they are installed.
        place = Path(f"/mnt/root{sys.prefix}")
        place.mkdir(parents=True)
        _mount(os.fsencode(sys.prefix), os.fsencode(place), b"", _MS_BIND, b"")
    _mount(b"proc", b"/mnt/root/proc", b"proc", 0, b"")
    for name, numbers in _DEVICES.items():
        os.mknod(f"/mnt/root/dev/{name}", 0o666 | stat.S_IFCHR, os.makedev(*numbers))
    for folder in ("shm", "pts"):
        Path("/mnt/root/dev", folder).mkdir(mode=0o1777)
    _mount(b"devpts", b"/mnt/root/dev/pts", b"devpts", 0, b"newinstance,ptmxmode=666")
    Path("/mnt/root/dev/ptmx").symlink_to("pts/ptmx")
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        Path("/mnt/root/dev", name).symlink_to(f"/proc/self/fd{target}")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    os.chdir("/mnt/root")
    # Who is in a chroot may make no user namespace.
    tools.call("pivot_root", b".", b".")
    tools.call("umount2", b".", _MNT_DETACH)
    os.chdir("/work")


def _mount(source: bytes, target: bytes, kind: bytes, flags: int, options: bytes) -> None:
    tools.call("mount", source, target, kind, flags, options)


if __name__ == "__main__":
    main()
