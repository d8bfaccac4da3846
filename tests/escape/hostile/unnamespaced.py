"""Programs that are after what Linux has once for all: no namespace divides it, or not every one of these does."""

import ctypes
import errno
import fcntl
import functools
import mmap
import os
import resource
import signal
import socket
import struct
from pathlib import Path

from escape.hostile.tools import asked_the_kernel, call, hostile, victim

_MAP_HUGETLB, _MFD_HUGETLB = 0x40000, 4
_MADV_MERGEABLE = 12
_SO_ATTACH_FILTER, _SO_ATTACH_REUSEPORT_CBPF = 26, 51
_TCP_MD5SIG, _TCP_AO_ADD_KEY, _TCP_ULP = 14, 38, 31
_IPV6_FLOWLABEL_MGR = 32
_SOCK_DCCP, _IPPROTO_SCTP, _IPPROTO_UDPLITE, _IPPROTO_MPTCP = 6, 132, 136, 262
_KEY_PROCESS, _KEY_JOIN_SESSION = -2, 1
_RNDADDTOENTCNT = 0x40045201
_SHARED_FILE = os.__file__
_CAPABILITY_OF_PROCESSORS = "/dev/cpu/0/msr"


@hostile()
def keeps_a_key_in_the_kernel() -> None:
    call("add_key", b"user", b"planted", b"x", 1, _KEY_PROCESS)


@hostile()
def joins_a_session_of_keys() -> None:
    call("keyctl", _KEY_JOIN_SESSION, None)


@hostile()
def attaches_shared_memory_of_the_host() -> None:
    segment = call("shmget", victim().ipc_key, 16, 0)
    call("shmat", segment, None, 0)


@hostile()
def makes_shared_memory_that_outlives_it() -> None:
    call("shmget", victim().ipc_key + 1, 4096, 0o1666)


@hostile()
def reads_a_queue_of_the_host() -> None:
    queue = call("msgget", victim().ipc_key, 0)
    message = ctypes.create_string_buffer(64)
    call("msgrcv", queue, ctypes.addressof(message), 32, 0, 0)


@hostile()
def takes_a_semaphore_of_the_host() -> None:
    semaphore = call("semget", victim().ipc_key, 1, 0)
    call("semop", semaphore, struct.pack("Hhh", 0, 1, 0), 1)


@hostile()
def makes_a_queue_of_messages() -> None:
    os.close(call("mq_open", b"planted", 0o102, 0o600, None))


@hostile()
def reads_a_shared_file_of_the_hosts_memory() -> None:
    assert Path(victim().shared_memory).read_text() == victim().secret


@hostile()
def locks_a_file_that_all_jails_read() -> None:
    with Path(_SHARED_FILE).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@hostile()
def leases_a_file_that_all_jails_read() -> None:
    with Path(_SHARED_FILE).open("rb") as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)


@hostile()
def is_told_who_reads_a_folder_of_all_jails() -> None:
    folder = os.open(os.path.dirname(_SHARED_FILE), os.O_RDONLY)
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS)


@hostile()
def watches_a_file_that_all_jails_read() -> None:
    call("inotify_add_watch", call("inotify_init1", 0), _SHARED_FILE.encode(), 1)


@hostile()
def writes_to_a_file_that_all_jails_map() -> None:
    with Path(_SHARED_FILE).open("r+b") as file, mmap.mmap(file.fileno(), 4096) as shared:
        shared[:1] = shared[:1]


@hostile()
def takes_of_the_pool_of_huge_pages_by_mmap() -> None:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_HUGETLB
    asked_the_kernel(lambda: call("mmap", 0, 2 << 20, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0))


@hostile()
def takes_of_the_pool_of_huge_pages_by_memfd() -> None:
    os.close(call("memfd_create", b"huge", _MFD_HUGETLB))


@hostile()
def learns_what_is_in_others_memory_by_merging() -> None:
    with mmap.mmap(-1, 4096) as memory:
        memory.madvise(_MADV_MERGEABLE)


@hostile()
def has_the_hosts_crash_handler_run() -> None:
    # With a limit of anything but one byte the kernel runs a core_pattern that is a command, outside of all jails.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] != 1


@hostile()
def takes_of_the_store_of_compiled_filters() -> None:
    instructions = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
    program = struct.pack("HxxxxxxQ", 1, ctypes.addressof(instructions))
    with socket.socket(type=socket.SOCK_DGRAM) as any_socket:
        any_socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


@hostile()
def takes_of_the_store_of_compiled_filters_for_ports() -> None:
    instructions = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
    program = struct.pack("HxxxxxxQ", 1, ctypes.addressof(instructions))
    with socket.socket(type=socket.SOCK_DGRAM) as any_socket:
        any_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        any_socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, program)


@hostile()
def has_a_module_loaded_for_a_type_of_socket() -> None:
    asked_the_kernel(lambda: socket.socket(socket.AF_INET, _SOCK_DCCP, 0))


@hostile()
def has_a_module_loaded_for_a_type_that_nobody_has() -> None:
    asked_the_kernel(lambda: socket.socket(socket.AF_INET6, socket.SOCK_SEQPACKET, socket.IPPROTO_UDP))


@hostile()
def has_a_module_loaded_for_a_protocol() -> None:
    for protocol in (_IPPROTO_SCTP, _IPPROTO_UDPLITE, _IPPROTO_MPTCP):
        asked_the_kernel(functools.partial(socket.socket, socket.AF_INET, socket.SOCK_STREAM, protocol))


@hostile()
def has_a_module_loaded_for_a_cipher() -> None:
    key = struct.pack("H", socket.AF_INET) + bytes(400)
    with socket.socket() as any_socket:
        for option in (_TCP_MD5SIG, _TCP_AO_ADD_KEY, _TCP_ULP):
            asked_the_kernel(functools.partial(any_socket.setsockopt, socket.IPPROTO_TCP, option, key))


@hostile()
def leaves_a_label_in_the_network() -> None:
    request = (
        socket.inet_pton(socket.AF_INET6, "::1") + struct.pack(">I", 7) + struct.pack("BBHHHI", 0, 255, 3, 60, 60, 0)
    )
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as any_socket:
        any_socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_FLOWLABEL_MGR, request)


@hostile()
def renames_the_host() -> None:
    call("sethostname", b"harmed", 6)


@hostile()
def renames_the_domain_of_the_host() -> None:
    call("setdomainname", b"harmed", 6)


@hostile(never_outside="the clock has no namespace")
def sets_the_clock() -> None:
    asked_the_kernel(_set_time)


@hostile(never_outside="the clock has no namespace")
def makes_the_clock_run_faster() -> None:
    call("adjtimex", struct.pack("Ixxxxq", 2, 1 << 20) + bytes(192))


@hostile()
def vouches_for_chance_that_is_none() -> None:
    with Path("/dev/urandom").open("wb", buffering=0) as device:
        fcntl.ioctl(device, _RNDADDTOENTCNT, struct.pack("i", 0))


@hostile(never_outside="would make a control group of the host's")
def makes_a_control_group() -> None:
    for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"):
        try:
            Path(folder, "planted").mkdir()
        except OSError as error:
            why = error
        else:
            return
    raise why


@hostile()
def learns_its_place_in_the_control_groups() -> None:
    groups = [line.split(":", 2)[2].strip() for line in Path("/proc/self/cgroup").read_text().splitlines()]
    assert set(groups) != {"/"}, "it is told of roots only"


@hostile(never_outside="depends on the machine's devices")
def reads_the_processors_own_registers() -> None:
    Path(_CAPABILITY_OF_PROCESSORS).read_bytes()


@hostile()
def reads_where_the_kernel_is() -> None:
    assert Path("/proc/kallsyms").read_text()


@hostile()
def reads_what_the_kernel_counts() -> None:
    assert all(Path("/proc", name).read_text() for name in ("meminfo", "stat", "vmstat", "interrupts", "slabinfo"))


@hostile()
def speaks_with_the_hosts_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX) as any_socket:
        any_socket.connect(f"\0{victim().abstract}")


def _set_time() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.clock_settime(0, struct.pack("qq", 1 << 30, 0)) == -1:
        raise OSError(ctypes.get_errno(), errno.errorcode[ctypes.get_errno()])
