"""Turns a freshly forked child of the fork server into an unprivileged, filtered process."""

import os

import syscalls

_FILTER_PATH = "/run/trialbox/seccomp.bpf"
_PROGRAM_ID = 1000
_PRIVATE_FOLDERS = (
    (b"/work", b"mode=0755,uid=%d,gid=%d" % (_PROGRAM_ID, _PROGRAM_ID)),
    (b"/tmp", b"mode=1777"),
    (b"/dev/shm", b"mode=1777"),
)
# RLIMIT_CORE, in bytes. At 0, a host whose core_pattern is a command still runs that, as root, for every crash; at 1,
# and at no other value, the kernel does not.
_CORE_LIMIT, _NO_CORE_BYTES = 4, 1
# Chosen first when memory runs out, before anything that is trusted.
_OOM_SCORE = b"1000"

with open(_FILTER_PATH, "rb") as _file:
    _filter = _file.read()


def prepare_fork_server() -> None:
    """Do once, in the fork server, what all its children inherit."""
    syscalls.set_resource_limit(_CORE_LIMIT, _NO_CORE_BYTES)
    syscalls.empty_bounding_set()
    syscalls.set_no_new_privileges()
    os.setgroups([])


def make_private_places(mount_options: bytes) -> None:
    """Give this process its own mounts, IPC and host name: empty folders, and /proc of its PID namespace.

    `mount_options` bound each folder's file system.
    """
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(score, _OOM_SCORE)
    os.close(score)
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS)
    for folder, owner in _PRIVATE_FOLDERS:
        syscalls.mount(b"tmpfs", folder, syscalls.MS_NOSUID | syscalls.MS_NODEV, b"%b,%b" % (mount_options, owner))
    flags = syscalls.MS_RDONLY | syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount(b"proc", b"/proc", flags, b"subset=pid,hidepid=invisible")
    os.chdir("/work")


def confine() -> None:
    """Drop to the program's id, with no capability and the strict filter.

    There is no way back, and any failure raises: the caller must not go on then.
    """
    os.setsid()
    os.setresgid(_PROGRAM_ID, _PROGRAM_ID, _PROGRAM_ID)
    os.setresuid(_PROGRAM_ID, _PROGRAM_ID, _PROGRAM_ID)
    syscalls.drop_capabilities()
    syscalls.set_dumpable()
    syscalls.load_seccomp_filter(_filter)


def set_resource_limits(limits: "dict[int, int]") -> None:
    """Lower limits for good, by the kernel's RLIMIT_* numbers."""
    for number, value in limits.items():
        syscalls.set_resource_limit(number, value)
