"""A program sees its own processes only, holds no privilege, and finds the kernel closed."""

import os
import platform
import signal
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hosts
import pyseccomp
import pytest
from executions import Run, printed

from trialbox.client import Limits, Outcome

PRELUDE = """
import ctypes, errno, os, signal, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def call(number, *arguments):
    wide = [value if isinstance(value, bytes) else ctypes.c_long(value) for value in arguments]
    result = libc.syscall(ctypes.c_long(number), *wide)
    return errno.errorcode[ctypes.get_errno()] if result == -1 else "allowed"

def attempt(function, *arguments):
    try: function(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
    return "allowed"
"""
DENIED = ("EPERM", "ENOSYS")


def number_of(name: str) -> int:
    """Return the number of a system call on this machine."""
    number: int = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    if number < 0:
        pytest.skip(f"this machine has no {name}")
    return number


# Processes


def test_proc_lists_the_programs_own_processes_only(run: Run) -> None:
    source = """
import os
held_read, held_write = os.pipe()
child = os.fork()
if child == 0:
    os.read(held_read, 1); os._exit(0)
listed = {int(name) for name in os.listdir("/proc") if name.isdigit()}
print(listed == {os.getpid(), child}, [name for name in os.listdir("/proc") if not name.isdigit()])
os.write(held_write, b"x")
"""
    own, others = printed(run(source)).split(" ", 1)
    assert own == "True"
    assert set(eval(others)) <= {"self", "thread-self"}


def test_a_program_is_not_the_first_process_of_its_namespace(run: Run) -> None:
    assert printed(run("import os; print(os.getpid() > 1, os.getppid())")) == "True 0"  # its parent is outside


def test_a_program_has_unprivileged_ids_no_capability_and_a_filter(run: Run) -> None:
    status = dict(line.split(":", 1) for line in printed(run("print(open('/proc/self/status').read())")).splitlines())
    facts = {name: value.split() for name, value in status.items()}
    assert facts["Uid"] == facts["Gid"] == ["1000"] * 4
    assert facts["Groups"] == []
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert facts[name] == ["0" * 16], name
    assert facts["NoNewPrivs"] == ["1"]
    assert facts["Seccomp"] == ["2"]


def test_killing_everything_ends_the_programs_own_children_only(run: Run) -> None:
    source = "import os, signal; os.kill(-1, signal.SIGKILL) if os.fork() else signal.pause(); print('alive')"
    assert printed(run(source, limits=Limits(wall_seconds=5))) == "alive"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSTOP", "SIGCHLD", "SIGINT"])
def test_the_jails_init_can_not_be_signalled(run: Run, name: str) -> None:
    source = PRELUDE + f"print(attempt(os.kill, 1, signal.{name}))"
    assert printed(run(source)) == "EPERM"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGABRT", "SIGSEGV", "SIGXCPU", "SIGUSR1"])
def test_a_signal_a_program_sends_itself_is_told_truthfully(run: Run, name: str) -> None:
    execution = run(f"import os, signal; os.kill(os.getpid(), signal.{name})")
    assert (execution.outcome, execution.signal) == (Outcome.SIGNALED, signal.Signals[name])


@pytest.mark.parametrize("status", [9, 124, 137, 159])
def test_an_exit_status_that_looks_like_a_kill_is_a_failure(run: Run, status: int) -> None:
    execution = run(f"raise SystemExit({status})")
    assert (execution.outcome, execution.exit_code, execution.signal) == (Outcome.FAILED, status, None)


FORGERIES = [
    "os.kill(os.getpid(), signal.SIGSYS)",
    "os.kill(0, signal.SIGSYS)",
    "os.killpg(os.getpgrp(), signal.SIGSYS)",
    "signal.raise_signal(signal.SIGSYS)",
    "signal.pthread_kill(__import__('threading').get_ident(), signal.SIGSYS)",
    "signal.pidfd_send_signal(os.pidfd_open(os.getpid()), signal.SIGSYS)",
    "print(call({timer_create}, 1, struct.pack('qiiqqqqq', 0, signal.SIGSYS, 0, 0, 0, 0, 0, 0), bytes(8)))",
    "__import__('fcntl').fcntl(0, 10, signal.SIGSYS)",
    "print(call({prctl}, 1, signal.SIGSYS))",
    "print(call({clone}, signal.SIGSYS, 0, 0, 0, 0))",
]


@pytest.mark.parametrize("statement", FORGERIES)
def test_a_denied_system_call_can_not_be_forged(run: Run, statement: str) -> None:
    numbers = {name: number_of(name) for name in ("timer_create", "prctl", "clone")}
    source = f"""{PRELUDE}
try:
    {statement.format(**numbers)}
except OSError as error: print(errno.errorcode[error.errno])
"""
    assert printed(run(source)) in DENIED


def test_what_a_program_prints_decides_no_outcome(run: Run) -> None:
    source = "import sys; print('Traceback (most recent call last):\\nMemoryError', file=sys.stderr)"
    execution = run(source)
    assert (execution.outcome, execution.exit_code, execution.exception) == (Outcome.SUCCEEDED, 0, None)


def test_programs_run_as_different_unprivileged_users_of_the_host(run: Run) -> None:
    markers = [f"lingering-{uuid.uuid4().hex}" for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        executions = [pool.submit(run, hosts.lingering(marker), limits=Limits(wall_seconds=3)) for marker in markers]
        hosts.eventually(lambda: all(map(hosts.marked, markers)), "both programs ran at once")
        owners = {Path(f"/proc/{hosts.marked(marker)[0]}").stat().st_uid for marker in markers}
        assert [execution.result().outcome for execution in executions] == [Outcome.WALL_TIME_EXCEEDED] * 2
    assert len(owners) == 2
    assert min(owners) >= 1000


# Calls that fail

# Every call with arguments that would make it do something, were it allowed.
REFUSED_CALLS: dict[str, tuple[int | bytes, ...]] = {
    "add_key": (b"user\0", b"key\0", b"x", 1, -3),
    "adjtimex": (bytes(256),),
    "bpf": (0, bytes(128), 128),
    "chroot": (b"/tmp\0",),
    "clock_settime": (0, bytes(16)),
    "fanotify_init": (0, 0),
    "flock": (0, 2),
    "fsopen": (b"tmpfs\0", 0),
    "inotify_init1": (0,),
    "io_uring_setup": (8, bytes(120)),
    "kcmp": (2, 2, 0, 0, 0),
    "keyctl": (0, -3, 1),
    "mount": (b"none\0", b"/tmp\0", b"tmpfs\0", 0, 0),
    "move_mount": (0, b"/tmp\0", 0, b"/work\0", 0),
    "mq_open": (b"queue\0", 0o102, 0o600, 0),
    "msgget": (0, 0o1600),
    "name_to_handle_at": (-100, b"/work\0", bytes(128), bytes(8), 0),
    "open_by_handle_at": (-100, bytes(128), 0),
    "open_tree": (-100, b"/work\0", 1),
    "perf_event_open": (bytes(128), 0, -1, -1, 0),
    "personality": (0x0400000,),
    "pidfd_getfd": (0, 0, 0),
    "pivot_root": (b"/tmp\0", b"/tmp\0"),
    "process_madvise": (0, 0, 0, 4, 0),
    "process_vm_readv": (1, bytes(16), 1, bytes(16), 1, 0),
    "process_vm_writev": (1, bytes(16), 1, bytes(16), 1, 0),
    "ptrace": (16, 1, 0, 0),
    "quotactl": (0, b"/dev/null\0", 0, 0),
    "request_key": (b"user\0", b"key\0", 0, -3),
    "seccomp": (1, 0, bytes(16)),
    "semget": (0, 1, 0o1600),
    "setdomainname": (b"evil", 4),
    "sethostname": (b"evil", 4),
    "setns": (0, 0),
    "settimeofday": (bytes(16), 0),
    "shmget": (0, 4096, 0o1600),
    "syslog": (3, bytes(64), 64),
    "umount2": (b"/tmp\0", 2),
    "unshare": (0x10000000,),
    "userfaultfd": (0,),
    "vhangup": (),
    "clone3": (bytes(88), 88),
    "memfd_secret": (0,),
    "landlock_create_ruleset": (0, 0, 1),
    "fanotify_mark": (0, 0, 0, 0, 0),
    "mount_setattr": (-100, b"/\0", 0, bytes(32), 32),
    "lookup_dcookie": (0, bytes(8), 8),
    "migrate_pages": (0, 0, bytes(8), bytes(8)),
    "remap_file_pages": (0, 4096, 0, 0, 0),
}


@pytest.mark.parametrize("name", REFUSED_CALLS)
def test_a_privileged_or_shared_kernel_service_is_refused(run: Run, name: str) -> None:
    arguments = "".join(f", {argument!r}" for argument in REFUSED_CALLS[name])
    assert printed(run(f"{PRELUDE}\nprint(call({number_of(name)}{arguments}))")) in DENIED


# By number, since not every Python names them all.
OTHER_FAMILIES = {
    "AF_KEY": 15,
    "AF_NETLINK": 16,
    "AF_PACKET": 17,
    "AF_RDS": 21,
    "AF_CAN": 29,
    "AF_TIPC": 30,
    "AF_BLUETOOTH": 31,
    "AF_ALG": 38,
    "AF_VSOCK": 40,
    "AF_SMC": 43,
    "AF_XDP": 44,
}


@pytest.mark.parametrize("family", OTHER_FAMILIES)
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_SEQPACKET"])
def test_sockets_of_other_families_are_refused(run: Run, family: str, kind: str) -> None:
    source = f"{PRELUDE}\nimport socket\nprint(attempt(socket.socket, {OTHER_FAMILIES[family]}, socket.{kind}))"
    assert printed(run(source)) in DENIED


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_raw_sockets_are_refused(run: Run, family: str) -> None:
    source = f"{PRELUDE}\nimport socket\nprint(attempt(socket.socket, socket.{family}, socket.SOCK_RAW, 1))"
    assert printed(run(source)) in DENIED


NEW_NAMESPACES = {
    "NEWTIME": 0x80,
    "NEWNS": 0x20000,
    "NEWCGROUP": 0x2000000,
    "NEWUTS": 0x4000000,
    "NEWIPC": 0x8000000,
    "NEWUSER": 0x10000000,
    "NEWPID": 0x20000000,
    "NEWNET": 0x40000000,
}


@pytest.mark.parametrize("flag", NEW_NAMESPACES)
def test_no_namespace_can_be_made_by_unshare(run: Run, flag: str) -> None:
    source = f"{PRELUDE}\nprint(call({number_of('unshare')}, {NEW_NAMESPACES[flag]}))"
    assert printed(run(source)) in DENIED


@pytest.mark.parametrize("flag", [flag for flag in NEW_NAMESPACES if flag != "NEWTIME"])
def test_no_namespace_can_be_made_by_clone(run: Run, flag: str) -> None:
    flags = NEW_NAMESPACES[flag] | signal.SIGCHLD
    source = f"{PRELUDE}\nparent = os.getpid()\nanswer = call({number_of('clone')}, {flags}, 0, 0, 0, 0)\nprint(answer)"
    assert printed(run(source)) in DENIED


@pytest.mark.parametrize("command", ["F_SETLEASE", "F_NOTIFY", "F_SETSIG"])
def test_file_controls_that_reach_other_programs_are_refused(run: Run, command: str) -> None:
    source = f"""{PRELUDE}
import fcntl
print(attempt(fcntl.fcntl, os.open(os.__file__, os.O_RDONLY), fcntl.{command}, 1))
"""
    assert printed(run(source)) in DENIED


@pytest.mark.parametrize("request_number", [0x5412, 0x540E, 0x8913, 0x8914, 0x894C])
def test_device_controls_are_refused(run: Run, request_number: int) -> None:
    source = f"{PRELUDE}\nimport fcntl\nprint(attempt(fcntl.ioctl, 0, {request_number}, bytes(64)))"
    assert printed(run(source)) in DENIED


@pytest.mark.parametrize(
    "statement",
    [
        "os.nice(-5)",
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        "os.setuid(0)",
        "os.setgroups([0])",
        "os.chroot('/tmp')",
    ],
)
def test_privileged_requests_fail(run: Run, statement: str) -> None:
    source = f"{PRELUDE}\nprint(attempt(lambda: {statement}))"
    assert printed(run(source)) in (*DENIED, "EACCES", "EINVAL")


def test_sync_is_no_way_to_slow_the_host(run: Run) -> None:
    # answered, so that programs go on, but by the filter
    assert printed(run("import os; os.sync(); print('ok')")) == "ok"


@pytest.mark.parametrize(
    "statement", ["os.listdir('/sys/fs/cgroup')", "os.mkdir('/sys/fs/cgroup/mine')", "open('/proc/self/cgroup', 'w')"]
)
def test_control_groups_are_out_of_reach(run: Run, statement: str) -> None:
    source = f"{PRELUDE}\nprint(attempt(lambda: {statement}))"
    assert printed(run(source)) in ("ENOENT", "EROFS", "EACCES")


def test_no_control_group_file_system_is_mounted(run: Run) -> None:
    kinds = printed(run("print(*[line.split()[2] for line in open('/proc/self/mounts')])")).split()
    assert not {"cgroup", "cgroup2", "sysfs", "debugfs", "tracefs", "securityfs"} & set(kinds)


# Calls that kill


@pytest.mark.parametrize(
    "name", ["reboot", "kexec_load", "init_module", "finit_module", "delete_module", "swapon", "swapoff", "acct"]
)
def test_a_system_call_no_program_needs_ends_it_as_syscall_denied(run: Run, name: str) -> None:
    source = f"""{PRELUDE}
signal.signal(signal.SIGSYS, lambda *_: print("caught"))
print("asking", flush=True)
print(call({number_of(name)}, 0, 0, 0, 0))
"""
    execution = run(source)
    assert (execution.outcome, execution.signal, execution.stdout) == (
        Outcome.SYSCALL_DENIED,
        signal.SIGSYS,
        b"asking\n",
    )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x32 is a way into x86-64 kernels only")
def test_a_system_call_of_the_x32_kind_is_denied(run: Run) -> None:
    execution = run(f"{PRELUDE}\nprint(call(0x40000000 + {number_of('getpid')}))")
    assert execution.outcome is Outcome.SYSCALL_DENIED


@pytest.mark.skipif(platform.machine() != "x86_64", reason="int 0x80 is a way into x86 kernels only")
def test_a_system_call_of_the_32_bit_kind_is_denied(run: Run) -> None:
    # mov eax, 20 (getpid); int 0x80; ret
    source = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("b814000000cd80c3"))
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
print(ctypes.CFUNCTYPE(ctypes.c_int)(address)())
"""
    execution = run(source)
    # a kernel built without that way in answers it as an invalid instruction
    ended = (execution.outcome, execution.signal)
    assert ended in [(Outcome.SYSCALL_DENIED, signal.SIGSYS), (Outcome.SIGNALED, signal.SIGSEGV)]


# What runs share


def test_two_runs_draw_different_random_numbers(run: Run) -> None:
    source = "import os, random, uuid; print(random.random(), uuid.uuid4(), os.urandom(8).hex())"
    first, second = printed(run(source)).split(), printed(run(source)).split()
    assert not set(first) & set(second)


def test_two_runs_hash_alike(run: Run) -> None:
    source = "print(hash('text'), {'a', 'b', 'c', 'd'})"
    assert printed(run(source)) == printed(run(source))


def test_the_host_is_not_named(run: Run) -> None:
    name = printed(run("import socket; print(socket.gethostname())"))
    assert name not in ("", socket.gethostname())
    assert name != os.uname().nodename
