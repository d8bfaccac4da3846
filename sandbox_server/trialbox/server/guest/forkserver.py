"""PID 1 of a jail: forks a process for each program, ends it when told or when time is up, reports.

It never holds a byte of a request: descriptors go straight to the program's process, which
is forked and confined before there is a program for it. Packets on the socket at
descriptor 3, of words with one space between two; n counts the processes prepared:

  host to fork server   begin, our scripts to load or none, module to preload... | prepare, n, mount options
                        kill, n, reason | collect, n, bytes   (workspace, payload, results attached)
  fork server to host   ready | unfit, text
                        end, n, reason, wait status, user µs, system µs, begun ns, ended ns, set-up CPU ns
                        lost, n | broken, n (init was killed by others) | collected, n
  host to the process   go, n, wall ns, whether to collect    (stdin, payload, stdout, stderr, more attached)
                        load, as go, and after its answer go  (for requests that take a while to lay out)
                        drop, n
  the process to host   confined, n | loaded, n | workspace, n    (its mount namespace attached)
                        failed, n, text

Until it starts its program, it is the process that reads the socket, so that a request
wakes it directly; from then on it is the fork server. The process speaks for itself so
that the kernel tells the host its pid. The reason in `end` is empty when the program ended
by itself. When the host closes the socket, everything in the jail ends.
"""

import _signal  # type: ignore[import-not-found]
import _socket  # socket itself costs milliseconds and memory
import atexit
import marshal
import os
import select
import sys
import time

import confine
import leaving
import syscalls
import workspace

if False:  # for the type checker only: importing typing costs milliseconds
    from typing import Any

_CONTROL = 3
_MAIN = "main.py"
_PACKET_BYTES = 65536

_MAXIMUM_DESCRIPTORS = 6
_DESCRIPTOR_BYTES = 4
_STARTED_BYTES = 256
_BY_OTHERS = b"others"
_PF_EXITING = 4
_REPORTED, _DROPPED, _BROKEN = 70, 71, 72
_GUEST_FOLDER = "/run/trialbox"
_NUMPY_RANDOM = "numpy.random"
_MULTIPROCESSING, _AUTHKEY_BYTES = "multiprocessing.process", 32
_ZIP_SIGNATURE = b"PK\x05\x06"

# Python adapts code to what it is used for within so many rounds.
_WARM_UPS = 16
_COMMON = """
import sys
def add(a, *rest, b=1, **more):
    return [a + n for n in rest if n], {b: a}, {a, b}, (a, b), f"{a!r:>4} {b:.2f} %s" % a
class Point:
    def __init__(self, x):
        self.x = x
    def __repr__(self):
        return f"Point({self.x})"
def each(n):
    for i in range(n):
        yield i * i, str(i)
for number, text in each(4):
    try:
        numbers, *_ = add(number, 1, 2, b=2.5)
        numbers[0] += sum(map(int, sorted(text + "12", reverse=True), )) // 3 % 7
        words = " ".join(["a", text]).split()
        if {"a": number}.get("b") is None and len(words) > 3 or words[0] == "b":
            raise ValueError(text)
        dict(zip(words, enumerate(words))).items()
        next(iter([]))
    except (StopIteration, ValueError) as error:
        repr(error), max(1, number), min([2, 1]), abs(-1.5), round(2.567, 1), isinstance(error, Exception)
repr(Point(1)), print
"""

_control = _socket.socket(fileno=_CONTROL)
_hooks_asked: "list[Any]" = []
_preloaded: set[str] = set()
_NO_ROLES = b"none"
_roles: "dict[str, Any]" = {}
"""Our own scripts that may run instead of a program, as far as they are loaded."""
_own_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)


def install(pristine: frozenset[str]) -> None:
    """Have serve() called when the interpreter is about to run its script.

    `pristine` names the modules that every interpreter has loaded by now.
    """
    global _hooks_asked
    hooks = sys.path_hooks

    def serve_first(path: str) -> None:
        if path != os.path.join(workspace.ROOT, _MAIN):  # some folder of modules
            raise ImportError(path)
        try:
            source = serve(pristine)
        except BaseException as error:
            # Python would go on, and run the script unconfined.
            os.write(2, f"trialbox: {error!r}\n".encode())
            os._exit(_BROKEN)
        sys.path_hooks = hooks
        if _ZIP_SIGNATURE in source:
            raise ImportError("may be an archive: the next hook will see")

    # Kept: the interpreter goes on reading this list when programs have the other.
    sys.path_hooks = _hooks_asked = [serve_first, *hooks]


def serve(pristine: frozenset[str]) -> bytes:
    """Serve until the host is gone. Returns in a program's process only, confined and set up, the script's source."""
    if not _begin(pristine):
        os._exit(_REPORTED)
    poller = select.poll()
    poller.register(_CONTROL, select.POLLIN)
    while True:
        (name, number, *fields), descriptors = _receive()
        if name == b"prepare":
            source = _run_one(number, fields[0], poller)
            if source is not None:
                return source
        elif name == b"collect":
            _collect(number, int(fields[0]), descriptors)
        else:  # about a process that has ended meanwhile
            _close(descriptors)
            if name in (b"go", b"load"):
                _send(b"lost", number)


def _begin(pristine: frozenset[str]) -> bool:
    """Load what programs are to find loaded, and leave no other trace in what they inherit."""
    if not syscalls.jail_filter_holds():
        _send(b"unfit", b"seccomp: nsjail's filter is not in force")
        return False
    confine.prepare_fork_server()
    for name in ("PYTHONPATH", "LD_BIND_NOW"):
        os.environ.pop(name)
    (_, roles, *preload), _ = _receive()
    _hide(pristine)
    atexit.register(leaving.leave)  # before all others, so that it runs after them
    for module in preload:
        try:
            __import__(module.decode())
        except Exception as error:
            _send(b"unfit", f"preloading {module.decode()!r} raised {type(error).__name__}: {error}".encode())
            return False
    for name in roles.decode().split(",") if roles != _NO_ROLES else ():
        _role(name)
    if "judging" in _roles:
        _roles["judging"].warm_up()
    _preloaded.update(name for name in sys.modules if name not in pristine)
    _warm_up()
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        _send(b"unfit", b"preloading left %d threads running, which a fork loses" % (threads - 1))
        return False
    leaving.remember()
    _send(b"ready")
    return True


def _hide(keep: "frozenset[str]") -> None:
    """Leave programs no trace of our own modules, nor of what those have loaded."""
    for name in set(sys.modules) - keep:
        del sys.modules[name]
    sys.path.remove(_GUEST_FOLDER)
    sys.path_importer_cache.pop(_GUEST_FOLDER, None)


def _warm_up() -> None:
    """Use what most programs use, so that they share what that leaves in memory."""
    code = compile(_COMMON, _MAIN, "exec", dont_inherit=True)
    for _ in range(_WARM_UPS):
        exec(code, {"__name__": "__main__"})


def _run_one(number: bytes, mount_options: bytes, poller: "select.poll") -> bytes | None:
    """Fork a process for a program and see it to its end; returns the source, in that process only."""
    init, init_descriptor = syscalls.start_init()
    started_read, started_write = os.pipe()
    syscalls.enter_namespace(init_descriptor, syscalls.CLONE_NEWPID)
    program = os.fork()
    if not program:
        return _become_program(number, mount_options, started_write)
    syscalls.enter_namespace(_own_pid_namespace, syscalls.CLONE_NEWPID)
    os.close(init_descriptor)
    os.close(started_write)
    started = os.read(started_read, _STARTED_BYTES)
    os.close(started_read)
    reason = _watch(number, started, program, poller) if started else b""
    ended = time.monotonic_ns()
    if reason:
        os.kill(init, _signal.SIGKILL)
    _, status, usage = os.wait4(program, 0)
    if started and not reason and status == _signal.SIGKILL and _is_ending(init):
        reason = _BY_OTHERS
    os.kill(init, _signal.SIGKILL)
    # Init's end waits for all of its namespace, and that for whoever else became a child of this process.
    while os.wait()[0] != init:
        pass
    # What is on its way between sockets that nobody has any more is let go when one is closed.
    _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM).close()
    if reason == _BY_OTHERS:
        _send(b"broken", number)
    elif started:
        begun, _, setup_cpu = started.split()
        used = (b"%d" % (usage.ru_utime * 1e6), b"%d" % (usage.ru_stime * 1e6))
        _send(b"end", number, reason, b"%d" % status, *used, begun, b"%d" % ended, setup_cpu)
    elif os.waitstatus_to_exitcode(status) not in (_REPORTED, _DROPPED):
        _send(b"lost", number)
    return None


def _is_ending(init: int) -> bool:
    """Whether init, which nobody here has killed yet, is on its way out: that is what killed the program then."""
    with open(f"/proc/{init}/stat", "rb") as file:
        flags = int(file.read().rpartition(b")")[2].split()[6])
    return bool(flags & _PF_EXITING)


def _watch(number: bytes, started: bytes, program: int, poller: "select.poll") -> bytes:
    """Wait for the program to end by itself, or for a reason to end it."""
    begun, wall, _ = started.split()
    deadline = int(begun) + int(wall)
    ended = os.pidfd_open(program)
    poller.register(ended, select.POLLIN)
    reason = b""
    while not reason:
        left = max(0, deadline - time.monotonic_ns())
        ready = [descriptor for descriptor, _ in poller.poll(-(-left // 1_000_000))]
        if ended in ready:
            break
        if time.monotonic_ns() >= deadline:
            reason = b"wall"
        elif ready:
            (name, about, *fields), _ = _receive()
            if name == b"kill" and about == number:
                reason = fields[0]
    poller.unregister(ended)
    os.close(ended)
    return reason


def _become_program(number: bytes, mount_options: bytes, started: int) -> bytes:
    confine.make_private_places(mount_options)
    own_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    confine.confine()
    _send(b"confined", number)
    (name, _, *fields), descriptors = _receive()
    if name not in (b"go", b"load"):
        os._exit(_DROPPED if name == b"drop" else _BROKEN)
    began_cpu = time.process_time_ns()
    wall, collecting = fields
    stdin, payload, stdout, stderr, *rest = descriptors
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    if collecting == b"1":
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, own_mounts.to_bytes(_DESCRIPTOR_BYTES, sys.byteorder))
        _control.sendmsg([b"workspace %b" % number], [rights])
    source, part = _load(number, payload)
    if name == b"load":
        _send(b"loaded", number)
        if _receive()[0][0] != b"go":
            os._exit(_BROKEN)
        began_cpu = time.process_time_ns()
    # Not to be closed when its object goes: the number may be the program's by then.
    _control.detach()
    os.write(started, b"%d %b %d" % (time.monotonic_ns(), wall, time.process_time_ns() - began_cpu))
    kept = _CONTROL
    for descriptor in sorted(rest):
        os.closerange(kept, descriptor)
        kept = descriptor + 1
    os.closerange(kept, 1 << 20)
    if part is not None:
        role, data = part
        _role(role).begin(data, *rest)
    return source


def _role(name: str) -> "Any":
    if name not in _roles:  # in a jail for one program nothing is loaded that it may not need
        before = frozenset(sys.modules)
        sys.path.insert(0, _GUEST_FOLDER)
        _roles[name] = __import__(name)
        _hide(before)
    return _roles[name]


def _load(number: bytes, payload: int) -> "tuple[bytes, tuple[str, bytes] | None]":
    """Lay the request out; return the source, and which script of ours it starts with what data."""
    limits, arguments, environment, source, files, part, _ = marshal.loads(_read_all(payload))
    try:
        workspace.write_file(_MAIN, source)
        workspace.write_files(files)
    except OSError as error:
        _send(b"failed", number, str(error).encode())
        os._exit(_REPORTED)
    if files:
        _make_way(files)
    confine.set_resource_limits(limits)
    if environment:
        os.environ.update(environment)
    sys.argv[1:] = arguments
    sys.orig_argv[2:] = arguments
    leaving.begin([source, *files.values()])
    # Unlike Python's own random, these don't notice that they were forked.
    if _NUMPY_RANDOM in sys.modules:
        sys.modules[_NUMPY_RANDOM].seed()
    if _MULTIPROCESSING in sys.modules:
        sys.modules[_MULTIPROCESSING].current_process().authkey = os.urandom(_AUTHKEY_BYTES)
    return source, part


def _make_way(files: "dict[str, bytes]") -> None:
    """Forget what was preloaded where the program has a module of such a name: its own comes first."""
    if not _preloaded.isdisjoint(path.partition("/")[0].removesuffix(".py") for path in files):
        for name in _preloaded:
            sys.modules.pop(name, None)


def _collect(number: bytes, maximum_bytes: int, descriptors: list[int]) -> None:
    """Have a helper with a program's rights, in the program's mount namespace, read its files."""
    own_mounts, payload, results = descriptors
    helper = os.fork()
    if not helper:
        try:
            syscalls.enter_namespace(own_mounts, syscalls.CLONE_NEWNS)
            confine.confine()
            *_, patterns = marshal.loads(_read_all(payload))
            os.closerange(_CONTROL, results)
            workspace.collect_files(patterns, maximum_bytes, results)
        finally:
            os._exit(0)
    _close(descriptors)
    os.waitpid(helper, 0)
    _send(b"collected", number)


def _send(*fields: bytes) -> None:
    _control.send(b" ".join(fields))


def _receive() -> tuple[list[bytes], list[int]]:
    """Return a packet's fields and descriptors; ends this process when the host is gone."""
    space = _socket.CMSG_SPACE(_MAXIMUM_DESCRIPTORS * _DESCRIPTOR_BYTES)
    try:
        packet, ancillary, _, _ = _control.recvmsg(_PACKET_BYTES, space, _socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        packet = b""
    if not packet:
        os._exit(_DROPPED)
    descriptors: list[int] = []
    for _, _, rights in ancillary:
        descriptors += memoryview(rights).cast("i")
    return packet.split(b" "), descriptors


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
