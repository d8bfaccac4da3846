"""The two seccomp stages: a deny list nsjail loads, the allow list a program runs under.

The first binds everything in the jail, the fork server too, so it only takes away what
nothing there ever needs. The second is loaded by each program's process before there is a
program for it. SECURITY.md says what each call answers.
"""

import errno
import os
import signal
import struct

import pyseccomp

# No program has a use for these: asking ends it with SYSCALL_DENIED.
KILLED = (
    "acct", "delete_module", "finit_module", "init_module", "ioperm", "iopl", "kexec_file_load",
    "kexec_load", "reboot", "swapoff", "swapon",
)  # fmt: skip

# Real programs probe some of these, so they fail in a way libraries know how to handle.
REFUSED = (
    "add_key", "bpf", "capset", "chroot", "clock_adjtime", "clock_settime", "adjtimex", "settimeofday",
    "fanotify_init", "fanotify_mark", "flock", "fsconfig", "fsmount", "fsopen", "fspick", "inotify_add_watch",
    "inotify_init", "inotify_init1", "inotify_rm_watch", "io_uring_enter", "io_uring_register", "io_uring_setup",
    "kcmp", "keyctl", "lookup_dcookie", "mount", "mount_setattr", "move_mount", "mq_getsetattr", "mq_notify",
    "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd",
    "name_to_handle_at", "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pidfd_getfd",
    "pivot_root", "process_madvise", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace",
    "quotactl", "request_key", "seccomp", "semctl", "semget", "semop", "semtimedop", "setdomainname",
    "sethostname", "setns", "shmat", "shmctl", "shmdt", "shmget", "syslog", "umount2", "unshare", "userfaultfd",
    "vhangup", "vmsplice",
)  # fmt: skip

ALLOWED = (
    # processes, threads and signals
    "arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_wait", "futex_waitv",
    "futex_wake", "get_robust_list", "getpgid", "getpgrp", "getpid", "getppid", "getsid", "gettid", "membarrier",
    "pause", "pidfd_open", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "set_robust_list", "set_tid_address", "setpgid", "setsid",
    "sigaltstack", "vfork", "wait4", "waitid",
    # memory
    "brk", "get_mempolicy", "madvise", "map_shadow_stack", "mincore", "mlock", "mlock2", "mlockall", "mprotect",
    "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "readahead",
    # files
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
    "fchownat", "fdatasync", "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync",
    "ftruncate", "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "lchown", "lgetxattr", "link",
    "linkat", "listxattr", "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "mknod",
    "mknodat", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2",
    "pwrite64", "pwritev", "pwritev2", "read", "readlink", "readlinkat", "readv", "removexattr", "rename",
    "renameat", "renameat2", "rmdir", "sendfile", "setxattr", "splice", "stat", "statfs", "statx", "symlink",
    "symlinkat", "sync_file_range", "tee", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat",
    "utimes", "write", "writev",
    # waiting and time
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "getitimer", "gettimeofday", "nanosleep",
    "poll", "ppoll", "pselect6", "select", "setitimer", "signalfd", "signalfd4", "time", "timerfd_create",
    "timerfd_gettime", "timerfd_settime",
    # sockets, of the families below
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
    "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "shutdown", "socketpair",
    # facts about the process and the machine
    "capget", "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpriority", "getrandom", "getresgid",
    "getresuid", "getrlimit", "getrusage", "getuid", "ioprio_get", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
    "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler",
    "sched_yield", "setfsgid", "setfsuid", "setgid", "setgroups", "setpriority", "setregid", "setresgid",
    "setresuid", "setreuid", "setuid", "sysinfo", "times", "uname",
)  # fmt: skip

# The calls below are allowed for these values of one argument and refused for all others.
_ALLOWED_VALUES = {
    # F_SETSIG could forge a SIGSYS; F_SETLEASE and F_NOTIFY reach across jails on shared files.
    ("fcntl", 1): {
        "F_DUPFD": 0, "F_GETFD": 1, "F_SETFD": 2, "F_GETFL": 3, "F_SETFL": 4, "F_GETLK": 5, "F_SETLK": 6,
        "F_SETLKW": 7, "F_SETOWN": 8, "F_GETOWN": 9, "F_GETSIG": 11, "F_OFD_GETLK": 36, "F_OFD_SETLK": 37,
        "F_OFD_SETLKW": 38, "F_GETLEASE": 1025, "F_DUPFD_CLOEXEC": 1030, "F_SETPIPE_SZ": 1031, "F_GETPIPE_SZ": 1032,
        "F_ADD_SEALS": 1033, "F_GET_SEALS": 1034,
    },
    ("ioctl", 1): {
        "TCGETS": 0x5401, "TIOCGPGRP": 0x540F, "TIOCGWINSZ": 0x5413, "FIONREAD": 0x541B, "FIONBIO": 0x5421,
        "FIONCLEX": 0x5450, "FIOCLEX": 0x5451, "FIOASYNC": 0x5452, "FICLONE": 0x40049409,
    },
    ("prctl", 0): {
        "GET_PDEATHSIG": 2, "GET_DUMPABLE": 3, "SET_DUMPABLE": 4, "SET_NAME": 15, "GET_NAME": 16, "GET_SECCOMP": 21,
        "CAPBSET_READ": 23, "SET_TIMERSLACK": 29, "GET_TIMERSLACK": 30, "SET_CHILD_SUBREAPER": 36,
        "GET_CHILD_SUBREAPER": 37, "SET_NO_NEW_PRIVS": 38, "GET_NO_NEW_PRIVS": 39, "SET_THP_DISABLE": 41,
        "GET_THP_DISABLE": 42, "SET_VMA": 0x53564D41,
    },
}  # fmt: skip

# Families that are confined by the network namespace, unlike vsock, netlink and packet; and of them the types and
# protocols of every kernel: for others the kernel has the host look for a module.
_SOCKET_TYPE_MASK = 0xF  # above it are SOCK_CLOEXEC and SOCK_NONBLOCK
_STREAM, _DATAGRAM, _PACKETS = 1, 2, 5
_SOCKETS = {
    "AF_UNIX": (1, ((_STREAM, 0), (_DATAGRAM, 0), (_PACKETS, 0))),
    "AF_INET": (2, ((_STREAM, 0), (_STREAM, 6), (_DATAGRAM, 0), (_DATAGRAM, 17))),
    "AF_INET6": (10, ((_STREAM, 0), (_STREAM, 6), (_DATAGRAM, 0), (_DATAGRAM, 17))),
}

# By level. Others reach what is no program's own: filters take of the host's one store of compiled code, keys make it
# look for modules, flow labels stay in the slot's network namespace.
_SOCKET_OPTIONS = {
    0: {
        "IP_TOS": 1, "IP_TTL": 2, "IP_PKTINFO": 8, "IP_MULTICAST_IF": 32, "IP_MULTICAST_TTL": 33,
        "IP_MULTICAST_LOOP": 34, "IP_ADD_MEMBERSHIP": 35, "IP_DROP_MEMBERSHIP": 36,
    },
    1: {
        "SO_REUSEADDR": 2, "SO_BROADCAST": 6, "SO_SNDBUF": 7, "SO_RCVBUF": 8, "SO_KEEPALIVE": 9, "SO_OOBINLINE": 10,
        "SO_LINGER": 13, "SO_REUSEPORT": 15, "SO_PASSCRED": 16, "SO_RCVLOWAT": 18, "SO_RCVTIMEO": 20,
        "SO_SNDTIMEO": 21,
    },
    6: {
        "TCP_NODELAY": 1, "TCP_MAXSEG": 2, "TCP_CORK": 3, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6,
        "TCP_DEFER_ACCEPT": 9, "TCP_QUICKACK": 12, "TCP_USER_TIMEOUT": 18, "TCP_FASTOPEN": 23,
    },
    41: {
        "IPV6_UNICAST_HOPS": 16, "IPV6_MULTICAST_IF": 17, "IPV6_MULTICAST_HOPS": 18, "IPV6_MULTICAST_LOOP": 19,
        "IPV6_JOIN_GROUP": 20, "IPV6_LEAVE_GROUP": 21, "IPV6_V6ONLY": 26, "IPV6_RECVPKTINFO": 49,
    },
}  # fmt: skip

# Huge pages come out of one pool of the host, which no memory limit counts: the flag, and where it is passed.
_HUGE_PAGES = {"mmap": (3, 0x40000), "memfd_create": (1, 0x4)}
_INT = 0xFFFF_FFFF
_RLIMIT_CORE, _RLIMITS = 4, 16

# Calls, and the values of arguments, by position, with which they are refused; see _refusals().
# Whoever could have SIGSYS sent could forge SYSCALL_DENIED.
_SIGSYS_SENDERS = (
    (("kill", "tkill", "rt_sigqueueinfo", "pidfd_send_signal"), ((1, signal.SIGSYS),)),
    (("tgkill", "rt_tgsigqueueinfo"), ((2, signal.SIGSYS),)),
)
# MADV_MERGEABLE: whether a page was merged with one of another jail can be told from the time a write takes.
_MERGING = (("madvise",), ((2, 12),))

_NAMESPACE_FLAGS = (1 << 17, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30)  # CLONE_NEW*
# Would make a process that init's end waits for a child of the fork server.
_CLONE_PARENT = 1 << 15
_EXIT_SIGNAL_MASK = 0xFF
_PR_SET_PDEATHSIG = 1

# struct sock_filter, its codes, and where struct seccomp_data has what they load.
_INSTRUCTION = struct.Struct("=HBBI")
_BPF_LOAD_WORD, _BPF_JUMP, _BPF_JUMP_EQUAL, _BPF_RETURN = 0x20, 0x05, 0x15, 0x06
_ARCHITECTURE_OFFSET, _ARGUMENTS_OFFSET = 4, 16
_RETURN_ERRNO = 0x0005_0000
_AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def jail_policy() -> str:
    """The first stage, in nsjail's Kafel language."""
    denied_to_all = (
        "add_key", "bpf", "init_module", "finit_module", "delete_module", "io_uring_enter", "io_uring_register",
        "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl", "perf_event_open", "process_vm_readv",
        "process_vm_writev", "ptrace", "reboot", "request_key", "swapoff", "swapon", "userfaultfd",
    )  # fmt: skip
    calls = ", ".join(denied_to_all)
    return f"ERRNO({errno.EPERM}) {{ {calls} }} DEFAULT ALLOW"


def program_filter() -> bytes:
    """The second stage, as the BPF instructions of this machine."""
    policy = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    # Foreign architectures and x32, whose numbers mean other calls.
    policy.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    policy.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, 2)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for action, names in ((pyseccomp.ALLOW, ALLOWED), (refuse, REFUSED), (pyseccomp.KILL_PROCESS, KILLED)):
        for name in names:
            policy.add_rule(action, name)
    # A system-wide flush would let one program slow down all others: pretend.
    for name in ("sync", "syncfs"):
        policy.add_rule(pyseccomp.ERRNO(0), name)
    for (name, position), values in _ALLOWED_VALUES.items():
        for value in values.values():
            policy.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(position, pyseccomp.EQ, value))
    _limit_sockets(policy)
    _limit_resources(policy, refuse)
    _limit_clone(policy, refuse)
    for senders, _ in _SIGSYS_SENDERS:
        for name in senders:
            policy.add_rule(pyseccomp.ALLOW, name)
    policy.add_rule(
        pyseccomp.ALLOW,
        "prctl",
        pyseccomp.Arg(0, pyseccomp.EQ, _PR_SET_PDEATHSIG),
        pyseccomp.Arg(1, pyseccomp.NE, signal.SIGSYS),
    )
    with os.fdopen(os.memfd_create("filter"), "w+b") as file:
        policy.export_bpf(file)
        file.seek(0)
        return _refusals() + file.read()


def _limit_clone(policy: pyseccomp.SyscallFilter, refuse: int) -> None:
    # clone3 hides its flags behind a pointer: ENOSYS by default, and libc falls back to clone.
    refused = (*_NAMESPACE_FLAGS, _CLONE_PARENT)
    mask = sum(refused) | _EXIT_SIGNAL_MASK
    for exit_signal in (0, signal.SIGCHLD):
        policy.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, mask, exit_signal))
    for flag in refused:
        policy.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))


def _limit_sockets(policy: pyseccomp.SyscallFilter) -> None:
    for family, kinds in _SOCKETS.values():
        for kind, protocol in kinds:
            policy.add_rule(
                pyseccomp.ALLOW,
                "socket",
                pyseccomp.Arg(0, pyseccomp.EQ, family),
                pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _SOCKET_TYPE_MASK, kind),
                pyseccomp.Arg(2, pyseccomp.EQ, protocol),
            )
    for level, options in _SOCKET_OPTIONS.items():
        for option in options.values():
            arguments = pyseccomp.Arg(1, pyseccomp.EQ, level), pyseccomp.Arg(2, pyseccomp.EQ, option)
            policy.add_rule(pyseccomp.ALLOW, "setsockopt", *arguments)


def _limit_resources(policy: pyseccomp.SyscallFilter, refuse: int) -> None:
    for call, (position, flag) in _HUGE_PAGES.items():
        policy.add_rule(pyseccomp.ALLOW, call, pyseccomp.Arg(position, pyseccomp.MASKED_EQ, flag, 0))
        policy.add_rule(refuse, call, pyseccomp.Arg(position, pyseccomp.MASKED_EQ, flag, flag))
    # confine.py says why the limit on core files stays as it is; changing it is pretended, for many do so.
    for resource in range(_RLIMITS):
        for call, position in (("setrlimit", 0), ("prlimit64", 1)):
            asked_for = pyseccomp.Arg(position, pyseccomp.MASKED_EQ, _INT, resource)
            if resource != _RLIMIT_CORE:
                policy.add_rule(pyseccomp.ALLOW, call, asked_for)
            elif call == "setrlimit":
                policy.add_rule(pyseccomp.ERRNO(0), call, asked_for)
            else:
                policy.add_rule(pyseccomp.ALLOW, call, asked_for, pyseccomp.Arg(2, pyseccomp.EQ, 0))
                policy.add_rule(pyseccomp.ERRNO(0), call, asked_for, pyseccomp.Arg(2, pyseccomp.NE, 0))


def _refusals() -> bytes:
    """Instructions that go before libseccomp's, for what it can't say: "not this" of half a register.

    The kernel takes an int, so whatever the upper half of the register holds must not hide
    it. libseccomp would need a rule a bit: half of all instructions, which each program's
    process would have compiled.
    """
    groups = [*_SIGSYS_SENDERS, _MERGING]
    calls = [(_resolve(name), number) for number, (names, _) in enumerate(groups) for name in names]
    # Laid out as: architecture, calls, for each group its tests, the refusal.
    head = 3 + len(calls) + 1
    sizes = [2 * len(conditions) + 1 for _, conditions in groups]
    starts = [head + sum(sizes[:number]) for number in range(len(groups))]
    refusal = head + sum(sizes)
    end = refusal + 1
    program = [_load(_ARCHITECTURE_OFFSET), _jump_if(_AUDIT_ARCHITECTURES[os.uname().machine], 0, end - 2), _load(0)]
    for call, number in calls:
        program.append(_jump_if(call, starts[number] - len(program) - 1, 0))
    program.append(_jump(end - len(program) - 1))
    for number, (_, conditions) in enumerate(groups):
        passed_by = starts[number] + sizes[number] - 1
        for place, (position, value) in enumerate(conditions, 1):
            program.append(_load(_ARGUMENTS_OFFSET + 8 * position))
            holds = refusal - len(program) - 1 if place == len(conditions) else 0
            program.append(_jump_if(value, holds, passed_by - len(program) - 1))
        program.append(_jump(end - len(program) - 1))
    program.append(_INSTRUCTION.pack(_BPF_RETURN, 0, 0, _RETURN_ERRNO | errno.EPERM))
    return b"".join(program)


def _resolve(name: str) -> int:
    return int(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name))


def _load(offset: int) -> bytes:
    return _INSTRUCTION.pack(_BPF_LOAD_WORD, 0, 0, offset)


def _jump_if(value: int, then: int, otherwise: int) -> bytes:
    return _INSTRUCTION.pack(_BPF_JUMP_EQUAL, then, otherwise, value)


def _jump(distance: int) -> bytes:
    return _INSTRUCTION.pack(_BPF_JUMP, 0, 0, distance)
