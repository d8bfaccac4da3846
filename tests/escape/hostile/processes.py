"""Programs that are after other processes, and after rights that they don't have."""

import os
import resource
import signal
import struct
from pathlib import Path

from escape.hostile.tools import call, hostile, in_child, victim

_PTRACE_SEIZE, _PTRACE_ATTACH = 0x4206, 16
_KCMP_FILE = 0
_CLONE_PARENT = 0x8000
_EXIT_SIGNALS = 0xFF
_NAMESPACES = {
    "time": 0x80, "mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
    "pid": 0x20000000, "net": 0x40000000,
}  # fmt: skip
_CAPABILITY_VERSION_3 = 0x20080522


@hostile()
def sees_other_processes() -> None:
    assert [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


@hostile()
def kills_every_other_process() -> None:
    os.kill(victim().pid, 0)
    os.kill(-1, signal.SIGKILL)


@hostile()
def kills_a_process_by_its_number() -> None:
    os.kill(victim().pid, signal.SIGKILL)


@hostile()
def kills_a_process_by_its_descriptor() -> None:
    signal.pidfd_send_signal(os.pidfd_open(victim().pid), signal.SIGKILL)


@hostile()
def stops_a_process() -> None:
    os.kill(victim().pid, signal.SIGSTOP)


@hostile()
def may_signal_init() -> None:
    os.kill(1, 0)


@hostile()
def may_signal_its_parent() -> None:
    assert os.getppid() > 0, "its parent is nowhere"
    os.kill(os.getppid(), 0)


@hostile()
def seizes_a_process() -> None:
    call("ptrace", _PTRACE_SEIZE, victim().pid, 0, 0)


@hostile()
def traces_a_child_of_its_own() -> None:
    call("ptrace", 0, 0, 0, 0)


@hostile()
def reads_the_memory_of_a_process() -> None:
    os.close(os.open(f"/proc/{victim().pid}/mem", os.O_RDWR))


@hostile()
def reads_the_memory_of_init() -> None:
    os.close(os.open("/proc/1/mem", os.O_RDWR))


@hostile()
def reads_memory_across_processes() -> None:
    places = struct.pack("QQ", id(struct), 8)
    call("process_vm_readv", os.getpid(), places, 1, places, 1, 0)


@hostile()
def writes_memory_across_processes() -> None:
    places = struct.pack("QQ", id(struct), 8)
    call("process_vm_writev", os.getpid(), places, 1, places, 1, 0)


@hostile()
def reads_the_environment_of_a_process() -> None:
    assert b"TRIALBOX_TOKEN" in Path(f"/proc/{victim().pid}/environ").read_bytes()


@hostile()
def opens_the_descriptors_of_a_process() -> None:
    os.listdir(f"/proc/{victim().pid}/fd")


@hostile()
def takes_a_descriptor_of_a_process() -> None:
    os.close(call("pidfd_getfd", os.pidfd_open(os.getpid()), 1, 0))


@hostile()
def compares_what_processes_hold() -> None:
    call("kcmp", os.getpid(), os.getpid(), _KCMP_FILE, 1, 1)


@hostile()
def makes_a_process_slower() -> None:
    os.setpriority(os.PRIO_PROCESS, victim().pid, 19)


@hostile()
def pins_a_process_to_a_processor() -> None:
    os.sched_setaffinity(victim().pid, {min(os.sched_getaffinity(0))})


@hostile()
def lowers_the_limits_of_a_process() -> None:
    resource.prlimit(victim().pid, resource.RLIMIT_NOFILE, (3, 3))


@hostile()
def has_memory_of_a_process_taken_out() -> None:
    places = struct.pack("QQ", id(struct) & ~4095, 4096)
    call("process_madvise", os.pidfd_open(os.getpid()), places, 1, 20, 0)


@hostile()
def gets_ahead_of_all_others() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, -10)


@hostile()
def reads_and_writes_ahead_of_all_others() -> None:
    call("ioprio_set", 1, 0, 1 << 13)


@hostile()
def becomes_root() -> None:
    os.setresuid(0, 0, 0)
    assert os.getuid() == 0


@hostile()
def joins_the_groups_of_root() -> None:
    os.setgroups([0])


@hostile()
def takes_all_capabilities() -> None:
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    call("capset", header, struct.pack("6I", 1, 1, 0, 0, 0, 0))


@hostile()
def becomes_root_in_a_namespace() -> None:
    call("unshare", _NAMESPACES["user"])


@hostile()
def makes_a_namespace_by_unshare() -> None:
    for flag in _NAMESPACES.values():
        try:
            call("unshare", flag)
        except OSError:
            continue
        return
    raise PermissionError("no kind of namespace can be made")


@hostile()
def makes_a_namespace_by_clone() -> None:
    for flag in [flag for flag in _NAMESPACES.values() if flag > _EXIT_SIGNALS]:
        try:
            child = call("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)
        except OSError:
            continue
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return
    raise PermissionError("no kind of namespace can be made")


@hostile()
def makes_a_namespace_by_clone3() -> None:
    flags = _NAMESPACES["user"]
    child = call("clone3", struct.pack("8Q", flags, 0, 0, 0, signal.SIGCHLD, 0, 0, 0), 64)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@hostile()
def gives_its_parent_a_child() -> None:
    if call("clone", _CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)


@hostile()
def ends_as_if_a_filter_had_ended_it() -> None:
    assert in_child(lambda: os.kill(os.getpid(), signal.SIGSYS)) == -signal.SIGSYS


@hostile()
def queues_the_signal_of_a_filter() -> None:
    about = struct.pack("3i", signal.SIGSYS, 0, -1) + bytes(116)
    assert in_child(lambda: _queue(about)) == -signal.SIGSYS


def _queue(about: bytes) -> None:
    call("rt_sigqueueinfo", os.getpid(), signal.SIGSYS, about)
