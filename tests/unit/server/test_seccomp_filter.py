"""The filter's own instructions are run here, so that what it answers is known without a jail."""

import errno
import platform
import signal
from functools import cache

import bpf
import pyseccomp
import pytest

from trialbox.server import seccomp

_LINUX_BPF_INSTRUCTIONS = 4096
_WORD = 0xFFFFFFFF
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_I386 = 0x40000003
_X32_BIT = 0x40000000
_KILL = "kill"
_ALLOW = "allow"

_SIGCHLD, _SIGSYS, _SIGTERM = signal.SIGCHLD, signal.SIGSYS, signal.SIGTERM
_CLONE_VM, _CLONE_FS, _CLONE_THREAD = 0x100, 0x200, 0x3D0F00
_CLONE_NEW = {
    "NEWNS": 1 << 17, "NEWCGROUP": 1 << 25, "NEWUTS": 1 << 26, "NEWIPC": 1 << 27, "NEWUSER": 1 << 28,
    "NEWPID": 1 << 29, "NEWNET": 1 << 30,
}  # fmt: skip
_AF_UNIX, _AF_INET, _AF_NETLINK, _AF_PACKET, _AF_VSOCK, _AF_ALG = 1, 2, 16, 17, 40, 38
_F_SETFD, _F_SETSIG, _F_SETLEASE, _F_NOTIFY = 2, 10, 1024, 1026
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_SECCOMP = 1, 15, 22
_STREAM, _SOCK_CLOEXEC, _TCP, _UDP = 1, 0x80000, 6, 17
_FILTER_OPTIONS = (26, 50, 51, 52)  # SO_ATTACH_...
_MAP_ANONYMOUS, _MAP_HUGETLB = 0x20, 0x40000
_TIOCSTI, _FIONREAD = 0x5412, 0x541B


@cache
def program() -> list[bpf.Instruction]:
    return bpf.decode(seccomp.program_filter())


def answer(call: str | int, *arguments: int, architecture: int | None = None) -> int | str:
    """What a call gets: _ALLOW, _KILL, or the error number."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, call) if isinstance(call, str) else call
    if isinstance(call, str) and number < 0:
        pytest.skip(f"this machine has no {call}")
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    known = bpf.words(number, architecture or _ARCHITECTURES[platform.machine()], padded)
    action = bpf.decide(program(), known)
    if action == 0x7FFF0000:
        return _ALLOW
    if action == 0x80000000:
        return _KILL
    assert action & 0xFFFF0000 == 0x00050000, f"unexpected action {action:#x}"
    return action & 0xFFFF


_LISTS = {"allowed": seccomp.ALLOWED, "refused": seccomp.REFUSED, "killed": seccomp.KILLED}
_BY_ARGUMENT = (
    {name for name, _ in seccomp._ALLOWED_VALUES}
    | {name for names, _ in seccomp._SIGSYS_SENDERS for name in names}
    | {*seccomp._HUGE_PAGES, "clone", "prlimit64", "setrlimit", "setsockopt", "socket", "sync", "syncfs"}
)


def test_every_call_is_decided_in_one_place() -> None:
    names = [*seccomp.ALLOWED, *seccomp.REFUSED, *seccomp.KILLED, *_BY_ARGUMENT]
    assert sorted(names) == sorted(set(names))


def test_every_name_is_a_call_that_the_library_knows() -> None:
    # A negative number below -1 is a call that other architectures have.
    unknown = {
        name
        for name in (*seccomp.ALLOWED, *seccomp.REFUSED, *seccomp.KILLED, *_BY_ARGUMENT)
        if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) == -1
    }
    assert unknown <= {"fchmodat2", "futex_wait", "futex_wake", "map_shadow_stack"}  # newer than some libraries


def test_the_filter_is_one_the_kernel_takes() -> None:
    assert 0 < len(program()) < _LINUX_BPF_INSTRUCTIONS
    assert seccomp.program_filter() == seccomp.program_filter()


@pytest.mark.parametrize("group", _LISTS)
def test_a_listed_call_gets_what_its_list_says(group: str) -> None:
    expected = {"allowed": _ALLOW, "refused": errno.EPERM, "killed": _KILL}[group]
    for name in _LISTS[group]:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        if number >= 0:
            assert answer(number, *[(1 << 64) - 1] * 6) == expected, name
            assert answer(number) == expected, name


@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        ("clone", (_SIGCHLD,), _ALLOW),
        ("clone", (_SIGCHLD | _CLONE_VM,), _ALLOW),
        ("clone", (_CLONE_THREAD,), _ALLOW),
        ("clone", (_SIGSYS,), errno.ENOSYS),
        ("clone", (_SIGTERM | _CLONE_VM,), errno.ENOSYS),
        ("clone3", (), errno.ENOSYS),
        *(("clone", (flag | _SIGCHLD,), errno.EPERM) for flag in _CLONE_NEW.values()),
        *(("clone", (flag | _CLONE_FS,), errno.EPERM) for flag in _CLONE_NEW.values()),
        ("clone", (1 << 32 | _CLONE_NEW["NEWUSER"],), errno.EPERM),
        ("unshare", (_CLONE_NEW["NEWUSER"],), errno.EPERM),
        ("setns", (3, 0), errno.EPERM),
        ("socket", (_AF_UNIX, 1, 0), _ALLOW),
        ("socket", (_AF_INET, 1, 0), _ALLOW),
        *(("socket", (family, 1, 0), errno.ENOSYS) for family in (_AF_NETLINK, _AF_PACKET, _AF_VSOCK, _AF_ALG)),
        ("socket", (1 << 32 | _AF_VSOCK, 1, 0), errno.ENOSYS),
        ("fcntl", (0, _F_SETFD, 1), _ALLOW),
        *(("fcntl", (0, command, _SIGSYS), errno.ENOSYS) for command in (_F_SETSIG, _F_SETLEASE, _F_NOTIFY)),
        ("ioctl", (0, _FIONREAD, 0), _ALLOW),
        ("ioctl", (0, _TIOCSTI, 0), errno.ENOSYS),
        ("prctl", (_PR_SET_NAME, 0), _ALLOW),
        ("prctl", (_PR_SET_SECCOMP, 2), errno.ENOSYS),
        ("socket", (_AF_UNIX, _STREAM | 1 << 32, 0), _ALLOW),
        *(("socket", (_AF_INET, kind, 0), errno.ENOSYS) for kind in (3, 4, 5, 6, 7, 10)),
        ("socket", (_AF_INET, _STREAM, _UDP), errno.ENOSYS),
        ("socket", (_AF_INET, _STREAM | _SOCK_CLOEXEC, _TCP), _ALLOW),
        ("setsockopt", (3, 41, 32), errno.ENOSYS),
        ("setsockopt", (3, 1 << 32 | 41, 1 << 32 | 32), errno.ENOSYS),
        ("setsockopt", (3, 41, 26), _ALLOW),
        *(("setsockopt", (3, 1, option), errno.ENOSYS) for option in _FILTER_OPTIONS),
        ("mmap", (0, 4096, 3, _MAP_ANONYMOUS, -1, 0), _ALLOW),
        ("mmap", (0, 4096, 3, _MAP_ANONYMOUS | _MAP_HUGETLB, -1, 0), errno.EPERM),
        ("mmap", (0, 4096, 3, 1 << 32 | _MAP_HUGETLB, -1, 0), errno.EPERM),
        ("memfd_create", (0, 1), _ALLOW),
        ("memfd_create", (0, 4), errno.EPERM),
        ("madvise", (0, 4096, 4), _ALLOW),
        ("madvise", (0, 4096, 1 << 32 | 12), errno.EPERM),
        ("setrlimit", (7, 1), _ALLOW),
        ("setrlimit", (1 << 32 | 4, 1), 0),
        ("prlimit64", (0, 7, 1, 0), _ALLOW),
        ("prlimit64", (0, 4, 0, 1), _ALLOW),
        *(("prlimit64", (0, resource, new, 0), 0) for resource in (4, 1 << 32 | 4) for new in (1, 1 << 32)),
        ("prctl", (_PR_SET_PDEATHSIG, signal.SIGKILL), _ALLOW),
        ("prctl", (_PR_SET_PDEATHSIG, _SIGSYS), errno.ENOSYS),
        ("kill", (1, _SIGTERM), _ALLOW),
        ("kill", (-1, signal.SIGKILL), _ALLOW),
        ("timer_create", (0, 0, 0), errno.ENOSYS),
        ("sync", (), 0),
        (9999, (), errno.ENOSYS),
        (-1, (), errno.ENOSYS),
    ],
)
def test_a_call_is_decided_by_its_arguments(call: str | int, arguments: tuple[int, ...], expected: int | str) -> None:
    assert answer(call, *arguments) == expected


# By hand from the manual: where each call that sends a signal has its number.
_SENDERS = {
    "kill": 1, "tkill": 1, "tgkill": 2, "rt_sigqueueinfo": 1, "rt_tgsigqueueinfo": 2, "pidfd_send_signal": 1,
}  # fmt: skip


@pytest.mark.parametrize("call", _SENDERS)
def test_sending_sigsys_would_forge_a_denied_call_and_is_refused(call: str) -> None:
    before = (4242,) * _SENDERS[call]
    assert answer(call, *before, _SIGTERM) == _ALLOW
    assert answer(call, *before, _SIGSYS) == errno.EPERM


@pytest.mark.parametrize("call", _SENDERS)
def test_the_upper_half_of_a_signal_number_which_the_kernel_ignores_hides_no_sigsys(call: str) -> None:
    before = (4242,) * _SENDERS[call]
    assert answer(call, *before, 1 << 32 | _SIGSYS) == errno.EPERM
    assert answer(call, *before, _WORD << 32 | _SIGSYS) == errno.EPERM


@pytest.mark.parametrize("call", _SENDERS)
def test_an_argument_beside_the_signal_number_may_be_31(call: str) -> None:
    arguments = [_SIGSYS] * 3
    arguments[_SENDERS[call]] = _SIGTERM
    assert answer(call, *arguments) == _ALLOW


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has a second way in")
def test_numbers_of_another_architecture_or_of_x32_kill() -> None:
    getpid = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "getpid")
    assert answer(getpid) == _ALLOW
    assert answer(getpid, architecture=_I386) == _KILL
    assert answer(getpid | _X32_BIT) == _KILL
    assert answer(9999 | _X32_BIT) == _KILL


def test_the_jails_policy_refuses_only_what_the_program_may_not_call_either() -> None:
    action, _, rest = seccomp.jail_policy().partition(" { ")
    calls, _, default = rest.partition(" } ")
    names = calls.split(", ")
    assert (action, default) == (f"ERRNO({errno.EPERM})", "DEFAULT ALLOW")
    assert len(set(names)) == len(names)
    assert set(names) <= {*seccomp.REFUSED, *seccomp.KILLED}
