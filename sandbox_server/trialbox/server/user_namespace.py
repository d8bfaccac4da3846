"""A user namespace of the server's own, for a container that gives it ids but no right to mount.

In a pod with `hostUsers: false` root may be left with CAP_SETUID and CAP_SETGID. These are enough to hand ids down to
a namespace below, and there the server holds every capability over what it makes itself: mounts, networks, process
trees. The kernel gives such a root no way to map itself, so root in there is another of the container's ids, and files
of the container's root are nobody's: readable, not writable. Control groups that were delegated to the container's root
are handed on to that id, which takes CAP_CHOWN too.
"""

import ctypes
import os
from pathlib import Path

from trialbox.server.sandbox import CannotServeError

_CLONE_NEWUSER = 0x10000000
_PR_SET_DUMPABLE = 4
_CAPABILITIES = {"CAP_CHOWN": 0, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SYS_ADMIN": 21}


def enter_where_needed() -> None:
    """Go where this process may set jails up, if it is a root who may not but who can hand ids down.

    To be called before there are threads. Raises CannotServeError.
    """
    held = _effective_capabilities()
    if os.geteuid() == 0 and held >= {"CAP_SETUID", "CAP_SETGID"} and "CAP_SYS_ADMIN" not in held:
        maps = {name: _all_but_root(Path("/proc/self", name).read_text()) for name in ("gid_map", "uid_map")}
        try:
            if "CAP_CHOWN" in held:
                _hand_on_cgroups(*(int(maps[name].split()[1]) for name in ("uid_map", "gid_map")))
            _enter(maps)
        except OSError as error:
            raise CannotServeError(f"this root may not mount, and {error}") from error


def _effective_capabilities() -> set[str]:
    status = Path("/proc/self/status").read_text()
    held = int(status.partition("\nCapEff:")[2].split()[0], 16)
    return {name for name, number in _CAPABILITIES.items() if held >> number & 1}


def _all_but_root(own: str) -> str:
    """Map ids from 0 on to those of this namespace, as `own` gives them, less its root."""
    lines, inner = [], 0
    for line in own.splitlines():
        first, _, count = map(int, line.split())
        skipped = 1 if first == 0 else 0
        if count > skipped:
            lines.append(f"{inner} {first + skipped} {count - skipped}\n")
            inner += count - skipped
    return "".join(lines)


def _hand_on_cgroups(user: int, group: int) -> None:
    """Give what a delegation consists of to these ids, where there is one."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        folder = Path(before.split()[4])
        if after.startswith("cgroup2 ") and os.access(folder / "cgroup.subtree_control", os.W_OK):
            for name in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
                os.chown(folder / name, user, group)


def _enter(maps: dict[str, str]) -> None:
    # Only a process that stays behind has the capabilities that the maps take.
    entered_read, entered_write = os.pipe()
    server = os.getpid()
    helper = os.fork()
    if not helper:
        os.close(entered_write)
        os._exit(_write_maps(server, maps) if os.read(entered_read, 1) else 0)
    os.close(entered_read)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        if libc.unshare(_CLONE_NEWUSER):
            number = ctypes.get_errno()
            raise OSError(number, f"can't make a user namespace of its own: {os.strerror(number)}")
        os.write(entered_write, b"-")
    finally:
        os.close(entered_write)
        _, status = os.waitpid(helper, 0)
    if number := os.waitstatus_to_exitcode(status):
        raise OSError(number, f"can't hand ids down to a user namespace of its own: {os.strerror(number)}")
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    # Changing ids closed this process's files in /proc to itself.
    libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def _write_maps(process: int, maps: dict[str, str]) -> int:
    """Return 0, or the number of the error."""
    try:
        for name, text in maps.items():
            Path("/proc", str(process), name).write_text(text)
    except OSError as error:
        return error.errno or 1
    return 0
