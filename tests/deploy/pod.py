"""Runs a command as a container of a pod would, confined as a manifest says, where there is no container runtime.

It does what a runtime does, with the kernel's own calls: a read-only root, namespaces, ids, capabilities, seccomp, no
gaining of privileges. The manifest's container and pod are read from a file that holds a Deployment as JSON.

    pod.py DEPLOYMENT SECCOMP_PROFILE [--writable-cgroups] [--apparmor] -- COMMAND...
"""

import argparse
import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyseccomp

FIRST_HOST_ID = 1 << 24
IDS = 1 << 16

_libc = ctypes.CDLL(None, use_errno=True)
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT = 1, 2, 4, 8, 32
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_PLAIN = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
_MNT_DETACH = 2
_NEW_MOUNT, _NEW_CGROUP, _NEW_UTS, _NEW_IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_PDEATHSIG = 24, 38, 1
_NUMBERS = {"CHOWN": 0, "KILL": 5, "SETGID": 6, "SETUID": 7, "SYS_ADMIN": 21}
_LAST_CAPABILITY = 40
_CAPABILITY_VERSION_3 = 0x20080522
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_STAGE = Path("/mnt")
_CGROUPS = Path("/sys/fs/cgroup")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def main() -> None:
    """Run the command in a pod; its exit status is ours."""
    options = argparse.ArgumentParser()
    options.add_argument("deployment", type=Path)
    options.add_argument("profile", type=Path)
    options.add_argument("--writable-cgroups", action="store_true", help="as some runtimes can make them")
    options.add_argument("--apparmor", action="store_true", help="under the profile named, which is loaded")
    options.add_argument("command", nargs="+")
    given = options.parse_args()
    pod = json.loads(given.deployment.read_text())["spec"]["template"]["spec"]
    own_ids = not pod.get("hostUsers", True)
    _enter_cgroup(0 if not own_ids else FIRST_HOST_ID)
    _call(_libc.unshare, _NEW_MOUNT)
    _lay_out_root(pod["containers"][0])
    container = _forked(lambda: _become_container(pod["containers"][0], given, own_ids), own_ids=own_ids)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(container, signal.SIGTERM))
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(container, 0)[1]))


def _enter_cgroup(owner: int) -> None:
    """On version 2 go to a group of the pod's own, delegated to its root."""
    if (_CGROUPS / "cgroup.controllers").exists():
        (_CGROUPS / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        group = _CGROUPS / f"pod-{os.getpid()}"
        group.mkdir()
        for name in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            os.chown(group / name, owner, owner)


def _lay_out_root(container: dict[str, Any]) -> None:
    """The image's file system: the host's programs, this checkout and its interpreter, read-only."""
    _mount("none", Path("/"), "", _MS_REC | _MS_PRIVATE)
    _mount("pod", _STAGE, "tmpfs", _MS_NODEV, "mode=755")
    for folder in ("proc", "sys", "dev", "tmp"):
        (_STAGE / folder).mkdir()
    _mount("pod", _STAGE / "dev", "tmpfs", _MS_NOSUID, "mode=755")
    for device in _DEVICES:
        place = _STAGE / "dev" / device
        place.touch()
        _mount(f"/dev/{device}", place, "", _MS_BIND)
        _mount("none", place, "", _MS_REMOUNT | _MS_BIND | _MS_NOSUID | _MS_NOEXEC)
    (_STAGE / "dev/fd").symlink_to("/proc/self/fd")
    for folder in ("dev/shm", *(mount["mountPath"].lstrip("/") for mount in container["volumeMounts"])):
        (_STAGE / folder).mkdir(parents=True, exist_ok=True)
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


def _forked(act: Callable[[], None], *, own_ids: bool) -> int:
    """Run `act` as PID 1 of a namespace, as root of a user namespace with ids of its own where wanted."""
    told_read, told_write = os.pipe()
    go_read, go_write = os.pipe()
    group = _CGROUPS / f"pod-{os.getpid()}" / "cgroup.procs"
    runtime = os.fork()
    if not runtime:
        _call(_libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if own_ids:
            _call(_libc.unshare, _NEW_USER)
        os.write(told_write, b"-")
        os.read(go_read, 1)
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        _call(_libc.unshare, _NEW_MOUNT | _NEW_CGROUP | _NEW_UTS | _NEW_IPC | _NEW_PID | _NEW_NET)
        container = os.fork()
        if container:
            os.write(told_write, b"-")
            signal.signal(signal.SIGTERM, lambda *_: os.kill(container, signal.SIGTERM))
            os._exit(os.waitstatus_to_exitcode(os.waitpid(container, 0)[1]))
        os.read(go_read, 1)
        try:
            _call(_libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            act()
        finally:
            traceback.print_exc()
            os._exit(127)
    os.read(told_read, 1)
    if own_ids:
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{runtime}/{name}").write_text(f"0 {FIRST_HOST_ID} {IDS}")
    if group.exists():
        group.write_text(str(runtime))
    os.write(go_write, b"-")
    os.read(told_read, 1)
    if group.exists():  # which the container has to itself
        (_CGROUPS / "cgroup.procs").write_text(str(runtime))
    os.write(go_write, b"-")
    return runtime


def _become_container(container: dict[str, Any], given: argparse.Namespace, own_ids: bool) -> None:
    context = container["securityContext"]
    policy = policy_of(json.loads(given.profile.read_text()))
    # A mount of this namespace's own: those it came with can't become its root.
    _mount(str(_STAGE), _STAGE, "", _MS_BIND | _MS_REC)
    _mount("proc", _STAGE / "proc", "proc", _PLAIN)
    if context.get("procMount") != "Unmasked":
        _mount("/dev/null", _STAGE / "proc/keys", "", _MS_BIND)
        _mount(str(_STAGE / "proc/sys"), _STAGE / "proc/sys", "", _MS_BIND)
        _mount("none", _STAGE / "proc/sys", "", _MS_REMOUNT | _MS_BIND | _PLAIN | _MS_RDONLY)
    _mount("sysfs", _STAGE / "sys", "sysfs", _PLAIN | _MS_RDONLY)
    access = 0 if given.writable_cgroups else _MS_RDONLY
    _mount("cgroup", _STAGE / "sys/fs/cgroup", "cgroup2", _PLAIN | access)
    os.chdir(_STAGE)
    _call(_libc.syscall, _PIVOT_ROOT[os.uname().machine], b".", b".")
    _call(_libc.umount2, b".", _MNT_DETACH)
    os.chdir("/")
    if given.apparmor:
        Path("/proc/self/attr/apparmor/exec").write_text(f"exec {context['appArmorProfile']['localhostProfile']}")
    _keep_capabilities([_NUMBERS[name] for name in context["capabilities"]["add"]])
    _call(_libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    policy.load()
    os.execvpe(given.command[0], given.command, dict(os.environ))


def _keep_capabilities(kept: list[int]) -> None:
    for number in set(range(_LAST_CAPABILITY + 1)).difference(kept):
        _call(_libc.prctl, _PR_CAPBSET_DROP, number, 0, 0, 0)
    mask = sum(1 << number for number in kept)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call(_libc.capset, header, (ctypes.c_uint32 * 6)(mask, mask, 0, 0, 0, 0))


def policy_of(profile: dict[str, Any]) -> pyseccomp.SyscallFilter:
    """What a runtime makes of a profile: names that this machine doesn't know are left out."""
    policy = pyseccomp.SyscallFilter(pyseccomp.ERRNO(profile["defaultErrnoRet"]))
    for rule in profile["syscalls"]:
        conditions = [
            pyseccomp.Arg(
                given["index"],
                getattr(pyseccomp, given["op"].removeprefix("SCMP_CMP_")),
                given["value"],
                given.get("valueTwo", 0),
            )
            for given in rule.get("args", [])
        ]
        for name in rule["names"]:
            if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
                policy.add_rule(pyseccomp.ALLOW, name, *conditions)
    return policy


def _mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    texts = (text.encode() for text in (source, str(target), kind))
    _call(_libc.mount, *texts, ctypes.c_ulong(flags), options.encode())


def _call(function: Any, *arguments: object) -> None:
    if function(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}{arguments!r}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
