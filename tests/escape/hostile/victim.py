"""What hostile programs are after: a process with a secret, and files, sockets and shared objects of its own.

Started as a script, it prints what it has as JSON, answers each line on stdin with a JSON list of what was done to it,
and takes all of it away at the end of stdin.
"""

import contextlib
import ctypes
import json
import os
import resource
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from escape.hostile.tools import Victim

_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p
_CREATE = 0o1000
_REMOVE = 0
_LIMITS = 16
_CLOCK_SECONDS = 1
_SECRET_BYTES = 16


@contextlib.contextmanager
def _ipc(key: int, secret: bytes) -> Iterator[Callable[[], list[str]]]:
    """A System V segment, a queue and a semaphore by `key`; gives what tells of changes to them."""
    segment = _libc.shmget(key, len(secret), _CREATE | 0o666)
    queue, semaphore = _libc.msgget(key, _CREATE | 0o666), _libc.semget(key, 1, _CREATE | 0o666)
    if -1 in (segment, queue, semaphore):
        raise OSError(ctypes.get_errno(), "no System V objects can be made")
    address = _libc.shmat(segment, None, 0)
    ctypes.memmove(address, secret, len(secret))
    _libc.msgsnd(queue, (1).to_bytes(8, sys.byteorder) + secret, len(secret), 0)

    def look() -> list[str]:
        found = []
        if ctypes.string_at(address, len(secret)) != secret:
            found.append("its System V segment was written to")
        if _libc.msgget(key, 0) != queue or _libc.semget(key, 1, 0) != semaphore:
            found.append("its System V objects are gone")
        return found

    try:
        yield look
    finally:
        _libc.shmctl(segment, _REMOVE, None)
        _libc.msgctl(queue, _REMOVE, None)
        _libc.semctl(semaphore, 0, _REMOVE)


def _facts() -> dict[str, object]:
    """What others could change of this process, and of its machine."""
    return {
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "processors": sorted(os.sched_getaffinity(0)),
        "scheduler": os.sched_getscheduler(0),
        "limits": [resource.getrlimit(number) for number in range(_LIMITS)],
        "names": tuple(os.uname()),
        "mounts": Path("/proc/self/mounts").read_text(),
    }


def _clock() -> float:
    """How far the time of day is ahead of a clock that nobody can set."""
    return time.time() - time.monotonic()


def main(wishes: TextIO, answers: TextIO) -> None:
    """Be harmed, until there are no more wishes."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    secret = secrets.token_hex(_SECRET_BYTES)
    key = secrets.randbelow(1 << 30) + 1
    name = f"trialbox-victim-{key}"
    shared = Path("/dev/shm", name)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trialbox-victim-")))
        file = folder / "secret"
        stack.callback(shared.unlink, missing_ok=True)
        for path in (file, shared):
            path.write_text(secret)
            path.chmod(0o666)
        look_at_ipc = stack.enter_context(_ipc(key, secret.encode()))
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        named, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        for listener, address in (
            (tcp, ("127.0.0.1", 0)),
            (udp, ("127.0.0.1", 0)),
            (named, str(folder / "socket")),
            (abstract, f"\0{name}"),
        ):
            stack.enter_context(listener)
            listener.bind(address)
            if listener is not udp:
                listener.listen()
            listener.setblocking(False)
        folder.chmod(0o755)
        (folder / "socket").chmod(0o666)
        before, clock = _facts(), _clock()
        victim = Victim(
            pid=os.getpid(),
            file=str(file),
            secret=secret,
            tcp_port=tcp.getsockname()[1],
            udp_port=udp.getsockname()[1],
            socket=str(folder / "socket"),
            abstract=name,
            shared_memory=str(shared),
            ipc_key=key,
        )
        _tell(answers, victim._asdict())
        for _ in wishes:
            found = look_at_ipc()
            found += [f"{path} was changed" for path in (file, shared) if not _holds(path, secret)]
            found += [f"{listener} was reached" for listener in (tcp, named, abstract, udp) if _was_reached(listener)]
            found += [f"another {what}" for what, value in _facts().items() if value != before[what]]
            if abs(_clock() - clock) > _CLOCK_SECONDS:
                found.append("another time of day")
            _tell(answers, found)


def _tell(answers: TextIO, what: object) -> None:
    answers.write(f"{json.dumps(what)}\n")
    answers.flush()


def _holds(path: Path, secret: str) -> bool:
    try:
        return path.read_text() == secret
    except FileNotFoundError:
        return False


def _was_reached(listener: socket.socket) -> bool:
    try:
        listener.recv(1) if listener.type == socket.SOCK_DGRAM else listener.accept()
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
