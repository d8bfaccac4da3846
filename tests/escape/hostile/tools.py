"""What hostile programs have in common; it runs in jails, so the standard library is all there is.

A hostile program is a function that returns when it has done its harm, and raises OSError, or fails an assertion, where
something kept it from doing so. What it harms is a victim beside it: see victim.py.
"""

import ctypes
import errno
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

HARMED, HELD = "harmed", "held"
_VICTIM_FILE = "victim.json"
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

# By the numbers of x86-64 and aarch64; those from 424 on are the same everywhere.
NUMBERS = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "capset": (126, 91),
    "clone": (56, 220), "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "flock": (73, 32),
    "inotify_init1": (294, 26), "inotify_add_watch": (254, 27), "io_setup": (206, 0), "ioprio_set": (251, 30),
    "kcmp": (312, 272), "kexec_load": (246, 104), "keyctl": (250, 219), "mbind": (237, 235),
    "memfd_create": (319, 279), "migrate_pages": (256, 238), "mmap": (9, 222), "mount": (165, 40),
    "move_pages": (279, 239), "mq_open": (240, 180), "msgget": (68, 186), "msgrcv": (70, 188),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "perf_event_open": (298, 241),
    "personality": (135, 92), "pidfd_getfd": (438, 438), "pivot_root": (155, 41), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142),
    "rt_sigqueueinfo": (129, 138), "seccomp": (317, 277), "semget": (64, 190), "semop": (65, 193),
    "set_mempolicy": (238, 237), "setdomainname": (171, 162), "sethostname": (170, 161), "setns": (308, 268),
    "shmat": (30, 196), "shmget": (29, 194), "swapon": (167, 224), "sync": (162, 81), "syslog": (103, 116),
    "umount2": (166, 39), "unshare": (272, 97), "userfaultfd": (323, 282), "vmsplice": (278, 75),
    "init_module": (175, 105), "io_uring_setup": (425, 425), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "clone3": (435, 435), "process_madvise": (440, 440), "mount_setattr": (442, 442),
    "landlock_create_ruleset": (444, 444), "memfd_secret": (447, 447),
}  # fmt: skip


class Victim(NamedTuple):
    """What there is to be harmed beside a program, and how it would be found; see victim.py."""

    pid: int
    file: str
    secret: str
    tcp_port: int
    udp_port: int
    socket: str
    abstract: str
    shared_memory: str
    ipc_key: int


class Hostile:
    """A hostile program, and what is known of it; see `hostile`."""

    def __init__(
        self,
        function: Callable[[], None],
        *,
        ends: tuple[str, ...],
        never_outside: str,
        after: "Hostile | None",
        limits: Mapping[str, float],
    ) -> None:
        """Keep all of it."""
        self.function, self.ends, self.never_outside, self.limits = function, ends, never_outside, limits
        self.name = function.__name__
        self.after = after

    def __call__(self) -> None:
        """Do harm."""
        self.function()


def hostile(
    *ends: str, never_outside: str = "", after: Hostile | None = None, limits: Mapping[str, float] | None = None
) -> Callable[[Callable[[], None]], Hostile]:
    """Mark a hostile program.

    Args:
        ends: The outcomes it may have in a jail; SUCCEEDED, having been held, where left out.
        never_outside: Why it can't be shown to do harm outside of a jail.
        after: The program that comes before it in the same place, and leaves what it looks for.
        limits: What it may use in a jail.
    """
    return lambda function: Hostile(
        function, ends=ends or ("SUCCEEDED",), never_outside=never_outside, after=after, limits=limits or {}
    )


def attempt(program: Hostile) -> None:
    """Run a program and print what came of it."""
    try:
        program()
    except OSError as error:
        told = f"{HELD}: {errno.errorcode.get(error.errno or 0, repr(error))}"
    except AssertionError as error:
        told = f"{HELD}: {error}"
    else:
        told = HARMED
    os.write(1, f"\n{told}\n".encode())


def victim() -> Victim:
    """What can be harmed."""
    return Victim(**json.loads(Path("/work", _VICTIM_FILE).read_text()))


def call(name: str, *arguments: int | bytes | None) -> int:
    """Make a system call by its name; raises OSError."""
    return call_by_number(NUMBERS[name][os.uname().machine == "aarch64"], *arguments)


def call_by_number(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call; raises OSError."""
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *wide))
    if result == -1:
        raise OSError(ctypes.get_errno(), name_of_call(number))
    return result


def name_of_call(number: int) -> str:
    """How a call is named in errors."""
    return f"system call {number}"


def asked_the_kernel(function: Callable[[], object]) -> None:
    """Call `function`, which asks the kernel for what it may not have; that the kernel was asked at all is the harm.

    Raises OSError where the answer is a filter's.
    """
    try:
        function()
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS):
            raise


def in_child(function: Callable[[], None]) -> int:
    """Run `function` in a child; returns how that ended, a signal's number as negative."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException as error:
            if not isinstance(error, OSError):
                os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
