"""Programs that are after parts of the kernel where holes were found, and after ways around the filter."""

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import signal
import socket
import struct
from collections.abc import Callable

from escape.hostile.tools import asked_the_kernel, call, call_by_number, hostile, in_child

_X32_BIT = 0x40000000
_READ_IMPLIES_EXEC = 0x0400000
_FILTER_ALLOWS = 0x7FFF0000
_PR_SET_SECCOMP, _PR_SET_MM, _PR_SET_MM_MAP_SIZE = 22, 35, 15
_PROTOCOLS = {
    "audit": (16, 3, 9), "routes": (16, 3, 0), "uevents": (16, 3, 15), "netfilter": (16, 3, 12), "vsock": (40, 1, 0),
    "crypto": (38, 5, 0), "packets": (17, 3, 0), "tipc": (30, 1, 0), "can": (29, 3, 1), "keys": (15, 3, 2),
    "xdp": (44, 3, 0), "bluetooth": (31, 3, 1),
}  # fmt: skip


@hostile()
def loads_a_bpf_program() -> None:
    asked_the_kernel(lambda: call("bpf", 0, struct.pack("5I", 1, 4, 4, 1, 0) + bytes(100), 120))


@hostile()
def rings_of_system_calls() -> None:
    asked_the_kernel(lambda: os.close(call("io_uring_setup", 8, bytes(120))))


@hostile()
def sets_up_asynchronous_input() -> None:
    call("io_setup", 1, ctypes.addressof(_zeroed))


_zeroed = ctypes.create_string_buffer(4096)


@hostile()
def handles_its_own_page_faults() -> None:
    os.close(call("userfaultfd", 0))


@hostile()
def counts_events_of_the_processor() -> None:
    attributes = struct.pack("IIQ", 1, 120, 0) + bytes(104)
    asked_the_kernel(lambda: os.close(call("perf_event_open", attributes, 0, -1, -1, 0)))


@hostile()
def reads_the_kernels_log() -> None:
    call("syslog", 3, bytes(64), 64)


@hostile()
def changes_its_personality() -> None:
    call("personality", _READ_IMPLIES_EXEC)


@hostile()
def installs_a_filter_of_its_own() -> None:
    instructions = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, _FILTER_ALLOWS))
    call("seccomp", 1, 0, struct.pack("HxxxxxxQ", 1, ctypes.addressof(instructions)))


@hostile()
def installs_a_filter_by_prctl() -> None:
    instructions = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, _FILTER_ALLOWS))
    _prctl(_PR_SET_SECCOMP, 2, struct.pack("HxxxxxxQ", 1, ctypes.addressof(instructions)))


@hostile()
def rewrites_where_its_memory_begins() -> None:
    _prctl(_PR_SET_MM, _PR_SET_MM_MAP_SIZE, bytes(8))


@hostile()
def moves_pages_between_nodes() -> None:
    asked_the_kernel(lambda: call("migrate_pages", os.getpid(), 1, bytes(8), bytes(8)))


@hostile()
def asks_where_its_pages_are() -> None:
    call("move_pages", 0, 0, None, None, None, 0)


@hostile()
def binds_memory_to_a_node() -> None:
    call("set_mempolicy", 0, None, 0)


@hostile()
def gives_a_pipe_its_own_pages() -> None:
    _, writing = os.pipe()
    place = struct.pack("QQ", ctypes.addressof(_zeroed), 16)
    call("vmsplice", writing, place, 1, 8)


@hostile()
def hides_memory_from_the_kernel() -> None:
    asked_the_kernel(lambda: os.close(call("memfd_secret", 0)))


@hostile()
def makes_rules_for_files() -> None:
    asked_the_kernel(lambda: call("landlock_create_ruleset", 0, 0, 1))


@hostile()
def changes_the_disk_quota() -> None:
    asked_the_kernel(lambda: call("quotactl", 0x800001 << 8, None, 0, bytes(64)))


@hostile()
def swaps_its_root() -> None:
    asked_the_kernel(lambda: call("pivot_root", b"/tmp", b"/tmp"))


@hostile()
def watches_every_file() -> None:
    os.close(call("fanotify_init", 0, 0))


@hostile()
def opens_sockets_of_other_families() -> None:
    for kind in _PROTOCOLS.values():
        try:
            socket.socket(*kind).close()
        except OSError:
            continue
        return
    raise PermissionError("none of them")


@hostile()
def writes_raw_packets() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


@hostile()
def makes_terminals() -> None:
    os.openpty()


@hostile()
def types_on_a_terminal() -> None:
    asked_the_kernel(lambda: fcntl.ioctl(0, 0x5412, b"x"))


@hostile("SYSCALL_DENIED", never_outside="whether kernels have these calls differs")
def calls_the_kernel_the_x32_way() -> None:
    assert platform.machine() == "x86_64", "there is one such way only on x86-64"
    call_by_number(_X32_BIT + 39)


@hostile("SYSCALL_DENIED", never_outside="would restart the host, were it not in a namespace")
def restarts_the_host() -> None:
    call("reboot", -18751619, 672274793, 0x1234567)


@hostile("SYSCALL_DENIED", never_outside="would change the host's kernel")
def loads_a_module() -> None:
    call("init_module", bytes(64), 64, b"")


@hostile("SYSCALL_DENIED", never_outside="would change the host's kernel")
def loads_another_kernel() -> None:
    call("kexec_load", 0, 0, None, 0)


@hostile("SYSCALL_DENIED", never_outside="would write to the host's disks")
def makes_a_file_memory_of_the_host() -> None:
    call("swapon", b"/tmp/swap", 0)


@hostile("SYSCALL_DENIED", never_outside="would write to a file of the host's whenever a process ends")
def has_the_ends_of_processes_written_down() -> None:
    call("acct", b"/tmp/acct")


@hostile()
def calls_the_kernel_the_32_bit_way() -> None:
    assert platform.machine() == "x86_64", "there is one such way only on x86-64"
    status = in_child(_call_by_interrupt)
    if status == -signal.SIGSEGV:
        raise OSError(errno.ENOSYS, "this kernel has no such way in")
    assert status == 0


def _call_by_interrupt() -> None:
    # mov eax, 20 (getpid); int 0x80; ret
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as code:
        code.write(bytes.fromhex("b814000000cd80c3"))
        place = ctypes.c_char.from_buffer(code)
        function: Callable[[], int] = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(place))
        pid = function()
        del place
    assert pid == os.getpid()


def _prctl(*arguments: int | bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    wide = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in (*arguments, 0, 0)]
    if libc.prctl(*wide) == -1:
        raise OSError(ctypes.get_errno(), "prctl")
