"""Runs a command as a container of a pod with a user namespace of its own would, under a seccomp profile.

A container runtime can't be had everywhere; this does what it does, with the kernel's own calls: the host's root
becomes nobody, two capabilities are left, no privilege can be gained, the root is read-only.

    pod.py PROFILE COMMAND...
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path

import pyseccomp

FIRST_HOST_ID = 1 << 24
IDS = 1 << 16
CAPABILITIES = {"SETGID": 6, "SETUID": 7}

_libc = ctypes.CDLL(None, use_errno=True)
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT = 1, 2, 4, 8, 32
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_NEW_MOUNT, _NEW_CGROUP, _NEW_UTS, _NEW_IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_PDEATHSIG = 24, 38, 1
_LAST_CAPABILITY = 40
_CAPABILITY_VERSION_3 = 0x20080522
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_STAGE = Path("/mnt")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def main() -> None:
    """Run the command in a pod; its exit status is ours."""
    profile, *command = sys.argv[1:]
    policy = _policy(json.loads(Path(profile).read_text()))
    _call(_libc.unshare, _NEW_MOUNT)
    _lay_out_root()
    ready_read, ready_write = os.pipe()
    mapped_read, mapped_write = os.pipe()
    runtime = os.fork()
    if not runtime:
        _call(_libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _call(_libc.unshare, _NEW_USER)
        os.write(ready_write, b"-")
        os.read(mapped_read, 1)
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        _call(_libc.unshare, _NEW_MOUNT | _NEW_CGROUP | _NEW_UTS | _NEW_IPC | _NEW_PID | _NEW_NET)
        os._exit(_status_of(lambda: _become_container(policy, command)))
    os.read(ready_read, 1)
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{runtime}/{name}").write_text(f"0 {FIRST_HOST_ID} {IDS}")
    os.write(mapped_write, b"-")
    _, status = os.waitpid(runtime, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


def _lay_out_root() -> None:
    """The image's file system: the host's programs, this checkout and its interpreter, read-only."""
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    _mount("pod", _STAGE, "tmpfs", _MS_NODEV, "mode=755")
    for folder in ("proc", "sys", "dev", "tmp"):
        (_STAGE / folder).mkdir(exist_ok=True)
    _mount("pod", _STAGE / "dev", "tmpfs", _MS_NOSUID, "mode=755")
    for device in _DEVICES:
        place = _STAGE / "dev" / device
        place.touch()
        _mount(f"/dev/{device}", place, "", _MS_BIND)
        _mount("none", place, "", _MS_REMOUNT | _MS_BIND | _MS_NOSUID | _MS_NOEXEC)
    for name, target in {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        (_STAGE / "dev" / name).symlink_to(target)
    (_STAGE / "dev" / "shm").mkdir()
    for folder in ("dev/shm", "tmp"):
        _mount("pod", _STAGE / folder, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=1777")
    checkout = Path(__file__).resolve().parents[2]
    for folder in ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", sys.base_prefix, str(checkout)):
        place = _STAGE / folder.lstrip("/")
        if Path(folder).is_symlink():
            place.symlink_to(Path(folder).readlink())
        elif not place.exists():
            place.mkdir(parents=True)
            _mount(folder, place, "", _MS_BIND)
            _mount("none", place, "", _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NODEV)
    _mount("none", _STAGE, "", _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NODEV)


def _become_container(policy: pyseccomp.SyscallFilter, command: list[str]) -> None:
    _call(_libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # A mount of this namespace's own: those it came with can't become its root.
    _mount(str(_STAGE), _STAGE, "", _MS_BIND | _MS_REC)
    plain = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _mount("proc", _STAGE / "proc", "proc", plain)  # procMount: Unmasked
    _mount("sysfs", _STAGE / "sys", "sysfs", plain | _MS_RDONLY)
    with contextlib.suppress(OSError):
        _mount("cgroup", _STAGE / "sys/fs/cgroup", "cgroup2", plain | _MS_RDONLY)
    os.chdir(_STAGE)
    _call(_libc.syscall, _PIVOT_ROOT[os.uname().machine], b".", b".")
    _call(_libc.umount2, b".", 2)
    os.chdir("/")
    _keep_capabilities()
    _call(_libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    policy.load()
    os.execve(command[0], command, dict(os.environ))


def _keep_capabilities() -> None:
    for number in range(_LAST_CAPABILITY + 1):
        if number not in CAPABILITIES.values():
            _call(_libc.prctl, _PR_CAPBSET_DROP, number, 0, 0, 0)
    kept = sum(1 << number for number in CAPABILITIES.values())
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call(_libc.capset, header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0))


def _policy(profile: dict[str, object]) -> pyseccomp.SyscallFilter:
    """What a runtime makes of a profile: names that this machine's kernel has not are left out."""
    actions = {
        "SCMP_ACT_ALLOW": lambda errno: pyseccomp.ALLOW,
        "SCMP_ACT_ERRNO": lambda errno: pyseccomp.ERRNO(errno),
    }
    policy = pyseccomp.SyscallFilter(actions[profile["defaultAction"]](profile.get("defaultErrnoRet", 1)))
    for rule in profile["syscalls"]:
        action = actions[rule["action"]](rule.get("errnoRet", 1))
        conditions = [
            pyseccomp.Arg(given["index"], getattr(pyseccomp, given["op"].removeprefix("SCMP_CMP_")), given["value"])
            for given in rule.get("args", [])
        ]
        for name in rule["names"]:
            if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
                policy.add_rule(action, name, *conditions)
    return policy


def _status_of(act) -> int:
    """Run `act` in a process of its own; return its exit status."""
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            traceback.print_exc()
            os._exit(127)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _mount(source: str, target: object, kind: str, flags: int, options: str = "") -> None:
    arguments = (source.encode(), str(target).encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _call(_libc.mount, *arguments)


def _call(function, *arguments: object) -> None:
    if function(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}{arguments!r}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
