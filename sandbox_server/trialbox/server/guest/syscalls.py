"""System calls, without the milliseconds that importing ctypes or resource costs.

`_ctypes` is ctypes' own C half; only plain C function calls are needed of it.
"""

import _ctypes
import _signal  # type: ignore[import-not-found]  # signal itself costs 5 ms
import os

CLONE_NEWNS = 1 << 17
CLONE_NEWUTS = 1 << 26
CLONE_NEWIPC = 1 << 27
CLONE_NEWPID = 1 << 29
_CLONE_VM, _CLONE_FS, _CLONE_FILES, _CLONE_PIDFD = 1 << 8, 1 << 9, 1 << 10, 1 << 12

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8

_SYSCALL_NUMBERS = {  # per machine: capset, seccomp
    "x86_64": (126, 317),
    "aarch64": (91, 277),
}

_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_SET_MODE_FILTER = 1
_CAPABILITY_VERSION_3 = 0x20080522
_PTRACE_DETACH = 17
_EPERM, _EINVAL = 1, 22

# pause() needs next to none of it.
_INIT_STACK_BYTES = 16384
_STACK_ALIGNMENT = 64


class _Long(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "l"


class _Int(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "i"


class _Char(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "c"


class _Pointer(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "P"


class _Bytes(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "z"


class _FilterProgram(_ctypes.Structure):
    # struct sock_fprog: a 16-bit count, padded to 8 bytes, and a pointer.
    _fields_ = (("length", _Long), ("instructions", _Bytes))


class _Stack(_ctypes.Array):  # type: ignore[type-arg]
    _type_ = _Char
    _length_ = _INIT_STACK_BYTES


class _CFunction(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Long


def _address(name: str) -> int:
    return _ctypes.dlsym(_ctypes.dlopen(None, 0), name)  # type: ignore[arg-type]


def _libc(name: str) -> _CFunction:
    return _CFunction(_address(name))


# Looked up once, in the fork server, for all its children.
_prctl, _syscall, _setrlimit = _libc("prctl"), _libc("syscall"), _libc("setrlimit")
_clone, _unshare, _setns, _mount = _libc("clone"), _libc("unshare"), _libc("setns"), _libc("mount")
_fflush, _ptrace = _libc("fflush"), _libc("ptrace")
_c_streams = [_Pointer.from_address(_address(name)) for name in ("stdout", "stderr")]
# A program may have replaced os's own.
_exit = os._exit
_pause = _Pointer(_address("pause"))
_init_stack = _Stack()
_init_stack_top = _Pointer((_ctypes.addressof(_init_stack) + _INIT_STACK_BYTES) // _STACK_ALIGNMENT * _STACK_ALIGNMENT)
_machine = os.uname().machine


def _call(function: _CFunction, *arguments: object) -> int:
    result: int = function(*[_Long(a) if isinstance(a, int) else a for a in arguments])
    if result == -1:
        number = _ctypes.get_errno()
        raise OSError(number, f"system call failed: {arguments!r}: {os.strerror(number)}")
    return result


def start_init() -> tuple[int, int]:
    """Start PID 1 of a new PID namespace; return its pid here and a descriptor of it.

    It does nothing but wait, on a stack of its own in this process's memory, so that it
    costs no copy of that memory; the kernel reaps what is orphaned to it. When it is
    killed, the kernel kills all that is in its namespace. One at a time: it borrows the stack.
    """
    descriptor = _Int()
    _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)  # for init, which has its own copy
    try:
        flags = CLONE_NEWPID | _CLONE_VM | _CLONE_FS | _CLONE_FILES | _CLONE_PIDFD | int(_signal.SIGCHLD)
        pid = _call(_clone, _pause, _init_stack_top, flags, _Pointer(), _ctypes.byref(descriptor))
    finally:
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    return pid, descriptor.value


def enter_namespace(descriptor: int, kind: int) -> None:
    """Move this process, or for PID namespaces its next children, into a namespace."""
    _call(_setns, descriptor, kind)


def unshare(flags: int) -> None:
    """Give this process new namespaces."""
    _call(_unshare, flags)


def mount(kind: bytes, target: bytes, flags: int, options: bytes) -> None:
    """Mount a new file system."""
    _call(_mount, b"trialbox", target, kind, flags, options)


def empty_bounding_set() -> None:
    """No execve from here on, whatever the file, can bring a capability back."""
    for capability in range(64):
        try:
            _call(_prctl, _PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError as error:
            if error.errno != _EINVAL:  # past the last capability this kernel knows
                raise
            break
    _call(_prctl, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def drop_capabilities() -> None:
    """Give up every capability this process holds; changing ids alone may keep them."""
    header = _CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4)
    _call(_syscall, _SYSCALL_NUMBERS[_machine][0], header, bytes(24))


def set_dumpable() -> None:
    """Let the process open its own /proc/self files again, which changing ids forbade."""
    _call(_prctl, _PR_SET_DUMPABLE, 1, 0, 0, 0)


def set_resource_limit(number: int, value: int) -> None:
    """Set the soft and the hard value of one RLIMIT_*, given by its number."""
    _call(_setrlimit, number, value.to_bytes(8, "little") * 2)


def set_no_new_privileges() -> None:
    """No execve from here on gains a privilege."""
    _call(_prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def load_seccomp_filter(program: bytes) -> None:
    """Install a BPF program (its instructions as bytes) as a seccomp filter."""
    descriptor = _FilterProgram(len(program) // 8, program)
    _call(_syscall, _SYSCALL_NUMBERS[_machine][1], _SECCOMP_SET_MODE_FILTER, 0, _ctypes.byref(descriptor))


def jail_filter_holds() -> bool:
    """Whether the filter that nsjail loads is in force: it forbids ptrace, which would find no process 0."""
    try:
        _call(_ptrace, _PTRACE_DETACH, 0, 0, 0)
    except OSError as error:
        return error.errno == _EPERM
    return False


def leave(status: int) -> None:
    """End the process at once, but for what C code has left in its streams for output."""
    for stream in _c_streams:
        _fflush(stream)
    _exit(status)
