"""Programs that take more than their share; each returns when it has had more than it may have."""

import array
import ctypes
import fcntl
import mmap
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from escape.hostile.tools import hostile

_MIB = 1 << 20
_MEMORY = {"memory_bytes": 64 * _MIB, "wall_seconds": 30, "disk_bytes": 256 * _MIB, "processes": 64}
_TOO_MUCH = 128 * _MIB
_CPU = {"cpu_seconds": 0.1, "wall_seconds": 30}
_WALL = {"wall_seconds": 0.2, "cpu_seconds": 30}
_TIME = 0.4
_COUNT = {"processes": 16, "open_files": 64, "wall_seconds": 20, "memory_bytes": 256 * _MIB}
_DISK = {"disk_bytes": 2 * _MIB, "disk_inodes": 64, "wall_seconds": 20}
_OUTPUT = {"output_bytes": 100_000, "wall_seconds": 20}
_MAP_NORESERVE = 0x4000
_EITHER = ("MEMORY_EXCEEDED", "SUCCEEDED")


# Memory


@hostile("MEMORY_EXCEEDED", limits=_MEMORY)
def takes_memory() -> None:
    assert len(b"x" * _TOO_MUCH) == _TOO_MUCH


@hostile("MEMORY_EXCEEDED", limits=_MEMORY)
def takes_memory_in_children() -> None:
    _in_children(4, lambda: bytearray(b"x" * (_TOO_MUCH // 4)))


@hostile("MEMORY_EXCEEDED", limits=_MEMORY)
def takes_memory_that_is_shared() -> None:
    with mmap.mmap(-1, _TOO_MUCH) as shared:
        for place in range(0, _TOO_MUCH, mmap.PAGESIZE):
            shared[place] = 1


@hostile("MEMORY_EXCEEDED", limits=_MEMORY)
def takes_memory_in_stacks_of_threads() -> None:
    threading.stack_size(8 * _MIB)
    for _ in range(20):
        thread = threading.Thread(target=lambda: ctypes.memset(ctypes.create_string_buffer(7 * _MIB), 1, 7 * _MIB))
        thread.start()
    kept = [bytearray(b"x" * _MIB) for _ in range(_TOO_MUCH // _MIB)]
    assert kept


@hostile("MEMORY_EXCEEDED", limits=_MEMORY)
def takes_memory_in_files() -> None:
    for folder in ("/work", "/tmp", "/dev/shm"):
        Path(folder, "large").write_bytes(bytes(_TOO_MUCH // 3))


@hostile("MEMORY_EXCEEDED", limits=_MEMORY)
def takes_memory_by_allocating_files() -> None:
    with Path("/tmp/large").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, _TOO_MUCH)


@hostile("MEMORY_EXCEEDED", limits=_MEMORY)
def takes_memory_in_files_without_a_name() -> None:
    kept = [os.memfd_create(str(number)) for number in range(_TOO_MUCH // _MIB)]
    for file in kept:
        os.write(file, bytes(_MIB))


@hostile(*_EITHER, limits=_MEMORY)
def takes_memory_in_pipes() -> None:
    for _ in range(_TOO_MUCH // _MIB):
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _MIB)
        os.set_blocking(writing, False)
        assert os.write(writing, bytes(_MIB)) == _MIB
        assert reading


@hostile(*_EITHER, limits={**_MEMORY, "open_files": 4096})
def takes_memory_in_sockets() -> None:
    sent, kept = 0, []
    while sent < _TOO_MUCH:
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        kept.append(ends)
        ends[0].setblocking(False)
        try:
            while True:
                sent += ends[0].send(bytes(60_000))
        except BlockingIOError:
            pass


@hostile("MEMORY_EXCEEDED", limits={**_MEMORY, "memory_bytes": 24 * _MIB})
def takes_memory_in_page_tables() -> None:
    # A page of each two mebibytes costs a page, and one of the table's.
    with mmap.mmap(-1, 16 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for place in range(0, 16 << 30, 2 * _MIB):
            memory[place] = 1


@hostile(*_EITHER, limits={**_MEMORY, "disk_inodes": 4096})
def takes_memory_in_attributes_of_files() -> None:
    for number in range(_TOO_MUCH // 60_000):
        Path(f"/tmp/{number}").touch()
        os.setxattr(f"/tmp/{number}", "user.large", bytes(60_000))


@hostile("MEMORY_EXCEEDED", limits=_MEMORY)
def goes_on_when_a_child_of_it_was_killed_for_memory() -> None:
    while True:
        child = os.fork()
        if child == 0:
            assert len(b"x" * _TOO_MUCH) == _TOO_MUCH
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return


# Time


@hostile("CPU_TIME_EXCEEDED", limits=_CPU)
def takes_time_of_the_processor() -> None:
    _burn()


@hostile("CPU_TIME_EXCEEDED", limits=_CPU)
def takes_time_of_the_processor_in_children() -> None:
    _in_children(4, lambda: _burn(_TIME / 4))


@hostile("CPU_TIME_EXCEEDED", limits=_CPU)
def takes_time_of_the_processor_in_short_children() -> None:
    for _ in range(20):
        _in_children(1, lambda: _burn(_TIME / 20))


@hostile("CPU_TIME_EXCEEDED", limits=_CPU)
def takes_time_of_the_processor_in_a_thread() -> None:
    thread = threading.Thread(target=lambda: _burn(_TIME, time.thread_time))
    thread.start()
    thread.join()


@hostile("CPU_TIME_EXCEEDED", limits=_CPU)
def takes_time_of_the_processor_in_system_calls() -> None:
    with Path("/dev/zero").open("rb", buffering=0) as device:
        while time.process_time() < _TIME:
            device.read(_MIB)


@hostile("CPU_TIME_EXCEEDED", limits=_CPU)
def takes_time_of_the_processor_deaf_to_signals() -> None:
    _turn_deaf()
    _burn()


@hostile("WALL_TIME_EXCEEDED", limits=_WALL)
def takes_time_asleep() -> None:
    time.sleep(_TIME)


@hostile("WALL_TIME_EXCEEDED", limits=_WALL)
def takes_time_asleep_deaf_to_signals() -> None:
    _turn_deaf()
    time.sleep(_TIME)


@hostile("WALL_TIME_EXCEEDED", limits=_WALL)
def takes_time_waiting_for_a_child() -> None:
    _in_children(1, lambda: time.sleep(_TIME))


@hostile("WALL_TIME_EXCEEDED", limits=_WALL)
def takes_time_waiting_for_input_that_never_comes() -> None:
    reading, _ = os.pipe()
    select.select([reading], [], [], _TIME)


# Numbers of things


@hostile(limits=_COUNT)
def starts_many_processes() -> None:
    _many_children(40)


@hostile(limits=_COUNT)
def starts_many_processes_that_nobody_waits_for() -> None:
    told, tell = os.pipe()
    for _ in range(40):
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                os.write(tell, b"x")
                signal.pause()
            os._exit(0)
    os.close(tell)
    assert sum(len(os.read(told, 1)) for _ in range(40)) == 40


@hostile(limits=_COUNT)
def starts_many_threads() -> None:
    hold = threading.Event()
    try:
        for _ in range(40):
            threading.Thread(target=hold.wait, daemon=True).start()
    except RuntimeError as error:
        raise BlockingIOError(str(error)) from error
    finally:
        hold.set()


@hostile(limits=_COUNT)
def opens_many_files() -> None:
    kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    assert kept


@hostile(limits=_COUNT)
def opens_many_sockets() -> None:
    kept = [socket.socketpair() for _ in range(100)]
    assert kept


@hostile(limits=_COUNT)
def hides_open_files_in_sockets() -> None:
    one, other = socket.socketpair()
    for _ in range(200):
        file = os.open("/dev/null", os.O_RDONLY)
        one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))])
        os.close(file)
    assert other


@hostile(limits=_DISK)
def writes_a_large_file() -> None:
    Path("/work/large").write_bytes(bytes(8 * _MIB))


@hostile(limits=_DISK)
def writes_a_large_file_to_the_shared_memorys_folder() -> None:
    Path("/dev/shm/large").write_bytes(bytes(8 * _MIB))


@hostile(limits=_DISK)
def writes_many_files() -> None:
    for number in range(200):
        Path(f"/tmp/{number}").touch()


@hostile(limits=_DISK)
def makes_many_folders() -> None:
    for number in range(200):
        Path(f"/tmp/{number}").mkdir()


@hostile(limits=_DISK)
def makes_many_links() -> None:
    for number in range(200):
        Path(f"/tmp/{number}").symlink_to("x" * 200)


@hostile(limits=_DISK)
def makes_a_file_with_holes() -> None:
    with Path("/work/large").open("wb") as file:
        file.truncate(1 << 40)


@hostile("OUTPUT_EXCEEDED", limits=_OUTPUT)
def floods_its_output() -> None:
    _write_all(1)


@hostile("OUTPUT_EXCEEDED", limits=_OUTPUT)
def floods_its_errors() -> None:
    _write_all(2)


@hostile("OUTPUT_EXCEEDED", limits=_OUTPUT)
def floods_its_output_in_children() -> None:
    _in_children(4, lambda: _write_all(1))


@hostile("OUTPUT_EXCEEDED", limits=_OUTPUT)
def floods_its_output_by_another_descriptor() -> None:
    _write_all(os.open("/dev/stderr", os.O_WRONLY))


def _in_children(count: int, work: Callable[[], object]) -> None:
    """Have children do the work at once; raises where one did not."""
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            work()
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _many_children(count: int) -> None:
    children = []
    try:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _burn(seconds: float = _TIME, clock: Callable[[], float] = time.process_time) -> None:
    until = clock() + seconds
    while clock() < until:
        pass


def _turn_deaf() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def _write_all(descriptor: int) -> None:
    for _ in range(10):
        os.write(descriptor, b"x" * 65_536)
