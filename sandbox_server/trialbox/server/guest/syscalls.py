"""System calls, without the milliseconds that importing ctypes or resource costs.

`_ctypes` is ctypes' own C half; only a plain C function call is needed of it.
"""

import _ctypes

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
_EINVAL = 22


class _Long(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "l"


class _CFunction(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Long


def _libc(name: str) -> _CFunction:
    return _CFunction(_ctypes.dlsym(_ctypes.dlopen(None, 0), name))  # type: ignore[arg-type]


def _call(function: _CFunction, *arguments: object) -> None:
    result = function(*[_Long(a) if isinstance(a, int) else a for a in arguments])
    if result == -1:
        number = _ctypes.get_errno()
        raise OSError(number, f"system call failed: {arguments!r}")


def empty_bounding_set() -> None:
    """No execve from here on, whatever the file, can bring a capability back."""
    prctl = _libc("prctl")
    for capability in range(64):
        try:
            _call(prctl, _PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError as error:
            if error.errno != _EINVAL:  # past the last capability this kernel knows
                raise
            break


def drop_capabilities(machine: str) -> None:
    """Give up every capability this process holds; changing ids alone may keep them."""
    _call(_libc("prctl"), _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = _CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4)
    _call(_libc("syscall"), _SYSCALL_NUMBERS[machine][0], header, bytes(24))


def set_dumpable() -> None:
    """Let the process open its own /proc/self files again, which changing ids forbade."""
    _call(_libc("prctl"), _PR_SET_DUMPABLE, 1, 0, 0, 0)


def set_resource_limit(number: int, value: int) -> None:
    """Set the soft and the hard value of one RLIMIT_*, given by its number."""
    _call(_libc("setrlimit"), number, value.to_bytes(8, "little") * 2)


def set_no_new_privileges() -> None:
    """No execve from here on gains a privilege."""
    _call(_libc("prctl"), _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def load_seccomp_filter(machine: str, program: bytes) -> None:
    """Install a BPF program (its instructions as bytes) as a seccomp filter."""

    class Pointer(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "z"

    class FilterProgram(_ctypes.Structure):
        _fields_ = (("length", _Long), ("instructions", Pointer))

    # struct sock_fprog: a 16-bit count, padded to 8 bytes, and a pointer.
    descriptor = FilterProgram(len(program) // 8, program)
    syscall = _libc("syscall")
    _call(syscall, _SYSCALL_NUMBERS[machine][1], _SECCOMP_SET_MODE_FILTER, 0, _ctypes.byref(descriptor))
