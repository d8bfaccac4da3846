"""The two seccomp stages: a deny list nsjail loads, the allow list a program runs under.

The first binds everything in the jail, the trusted init too, so it only takes away what
nothing there ever needs. The second is loaded by the program's process just before the
program starts. SECURITY.md says what each call answers.
"""

import errno
import os
import signal

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
    "brk", "get_mempolicy", "madvise", "map_shadow_stack", "memfd_create", "mincore", "mlock", "mlock2", "mlockall",
    "mmap", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free",
    "pkey_mprotect", "readahead",
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
    "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socketpair",
    # facts about the process and the machine
    "capget", "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpriority", "getrandom", "getresgid",
    "getresuid", "getrlimit", "getrusage", "getuid", "ioprio_get", "prlimit64", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
    "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler",
    "sched_yield", "setfsgid", "setfsuid", "setgid", "setgroups", "setpriority", "setregid", "setresgid",
    "setresuid", "setreuid", "setrlimit", "setuid", "sysinfo", "times", "uname",
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

# Families that are confined by the network namespace, unlike vsock, netlink and packet; and
# of protocols the default, TCP and UDP: other numbers make the kernel look for modules.
_SOCKETS = {"AF_UNIX": (1, (0,)), "AF_INET": (2, (0, 6, 17)), "AF_INET6": (10, (0, 6, 17))}

# Position of the signal number in each call that sends one.
_SIGNAL_ARGUMENT = {
    "kill": 1, "tkill": 1, "tgkill": 2, "rt_sigqueueinfo": 1, "rt_tgsigqueueinfo": 2, "pidfd_send_signal": 1,
}  # fmt: skip

_NAMESPACE_FLAGS = (1 << 17, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30)  # CLONE_NEW*
_EXIT_SIGNAL_MASK = 0xFF
_INT_BITS = 32
_INT_MASK = (1 << _INT_BITS) - 1
_PR_SET_PDEATHSIG = 1


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
    for family, protocols in _SOCKETS.values():
        for protocol in protocols:
            policy.add_rule(
                pyseccomp.ALLOW,
                "socket",
                pyseccomp.Arg(0, pyseccomp.EQ, family),
                pyseccomp.Arg(2, pyseccomp.EQ, protocol),
            )
    _limit_clone(policy, refuse)
    _forbid_sending_sigsys(policy, refuse)
    with os.fdopen(os.memfd_create("filter"), "w+b") as file:
        policy.export_bpf(file)
        file.seek(0)
        return file.read()


def _limit_clone(policy: pyseccomp.SyscallFilter, refuse: int) -> None:
    # clone3 hides its flags behind a pointer: ENOSYS by default, and libc falls back to clone.
    mask = sum(_NAMESPACE_FLAGS) | _EXIT_SIGNAL_MASK
    for exit_signal in (0, signal.SIGCHLD):
        policy.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, mask, exit_signal))
    for flag in _NAMESPACE_FLAGS:
        policy.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))


def _forbid_sending_sigsys(policy: pyseccomp.SyscallFilter, refuse: int) -> None:
    # Whoever could have SIGSYS sent could forge SYSCALL_DENIED.
    # The kernel takes an int: whatever the upper half of the register holds must not hide it.
    for name, position in _SIGNAL_ARGUMENT.items():
        policy.add_rule(refuse, name, pyseccomp.Arg(position, pyseccomp.MASKED_EQ, _INT_MASK, signal.SIGSYS))
        for bit in range(_INT_BITS):
            differs = ~signal.SIGSYS & 1 << bit
            policy.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(position, pyseccomp.MASKED_EQ, 1 << bit, differs))
    policy.add_rule(
        pyseccomp.ALLOW,
        "prctl",
        pyseccomp.Arg(0, pyseccomp.EQ, _PR_SET_PDEATHSIG),
        pyseccomp.Arg(1, pyseccomp.NE, signal.SIGSYS),
    )
