"""Programs of two: one leaves something, the next in the same place finds it."""

import fcntl
import os
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from escape.hostile.tools import call, hostile, victim

_FOLDERS = ("/work", "/tmp", "/dev/shm")
_LOCKED = os.__file__
_LOCK = struct.Struct("hhqqi4x")


@hostile()
def leaves_a_file_in_its_folder() -> None:
    Path("/work/left").touch()


@hostile(after=leaves_a_file_in_its_folder)
def finds_a_file_in_its_folder() -> None:
    assert Path("/work/left").exists()


@hostile()
def leaves_a_file_among_temporary_ones() -> None:
    Path("/tmp/left").touch()


@hostile(after=leaves_a_file_among_temporary_ones)
def finds_a_file_among_temporary_ones() -> None:
    assert Path("/tmp/left").exists()


@hostile()
def leaves_a_file_in_shared_memory() -> None:
    Path("/dev/shm/left").touch()


@hostile(after=leaves_a_file_in_shared_memory)
def finds_a_file_in_shared_memory() -> None:
    assert Path("/dev/shm/left").exists()


@hostile()
def leaves_a_module_where_programs_look_for_them() -> None:
    Path("/work/planted.py").touch()
    Path(os.__file__).with_name("planted.py").touch()


@hostile(after=leaves_a_module_where_programs_look_for_them)
def finds_a_module_where_programs_look_for_them() -> None:
    try:
        __import__("planted")
    except ModuleNotFoundError as error:
        raise AssertionError(str(error)) from error


@hostile()
def leaves_a_segment_of_memory() -> None:
    call("shmget", victim().ipc_key + 2, 4096, 0o1666)


@hostile(after=leaves_a_segment_of_memory)
def finds_a_segment_of_memory() -> None:
    call("shmget", victim().ipc_key + 2, 4096, 0)


@hostile()
def leaves_a_message() -> None:
    call("msgget", victim().ipc_key + 2, 0o1666)


@hostile(after=leaves_a_message)
def finds_a_message() -> None:
    call("msgget", victim().ipc_key + 2, 0)


@hostile()
def leaves_a_semaphore() -> None:
    call("semget", victim().ipc_key + 2, 1, 0o1666)


@hostile(after=leaves_a_semaphore)
def finds_a_semaphore() -> None:
    call("semget", victim().ipc_key + 2, 1, 0)


@hostile()
def leaves_a_process() -> None:
    _daemon(lambda: True)


@hostile(after=leaves_a_process)
def finds_a_process() -> None:
    assert [name for name in os.listdir("/proc") if name.isdigit() and _is_deaf(name)]


@hostile()
def leaves_a_server_at_a_name() -> None:
    _daemon(_serve)


@hostile(after=leaves_a_server_at_a_name)
def finds_a_server_at_a_name() -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.connect("\0left")


@hostile()
def leaves_a_lock() -> None:
    _daemon(_lock)


@hostile(after=leaves_a_lock)
def finds_a_lock() -> None:
    with Path(_LOCKED).open("rb") as file:
        answer = fcntl.fcntl(file, fcntl.F_GETLK, _LOCK.pack(fcntl.F_WRLCK, 0, victim().ipc_key, 1, 0))
    assert _LOCK.unpack(answer)[0] != fcntl.F_UNLCK


@hostile()
def leaves_a_name_of_the_host() -> None:
    call("sethostname", b"left", 4)


@hostile(after=leaves_a_name_of_the_host)
def finds_a_name_of_the_host() -> None:
    assert os.uname().nodename == "left"


@hostile()
def leaves_a_mount() -> None:
    Path("/tmp/mounted").mkdir()
    call("mount", b"none", b"/tmp/mounted", b"tmpfs", 0, None)


@hostile(after=leaves_a_mount)
def finds_a_mount() -> None:
    assert os.path.ismount("/tmp/mounted")


def _daemon(begin: Callable[[], object]) -> None:
    """Have a process begin something that outlives this one, and signals can't end; returns when it has."""
    told, tell = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            kept = begin()
            os.write(tell, b"x")
            for descriptor in (0, 1, 2):
                os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
            while kept:
                signal.pause()
        os._exit(0)
    os.wait()
    os.read(told, 1)


def _is_deaf(name: str) -> bool:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{name}/status").read_text().splitlines())
    return bool(int(status["SigIgn"], 16) & 1 << (signal.SIGTERM - 1))


def _serve() -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind("\0left")
    server.listen()
    return server


def _lock() -> object:
    file = Path(_LOCKED).open("rb")  # noqa: SIM115
    fcntl.fcntl(file, fcntl.F_SETLK, _LOCK.pack(fcntl.F_RDLCK, 0, victim().ipc_key, 1, 0))
    return file
