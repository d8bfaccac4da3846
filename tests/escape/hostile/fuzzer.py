"""Makes random system calls: numbers, pointers, descriptors and sizes of all sorts, from a seed; runs in a jail.

Arguments: the seed, seconds, and how many of the numbers in the file `numbers`, which the filter lets through, to draw
for each one of any other. Prints a line of JSON over and over: calls made so far, and those by number that succeeded.
Every round is a process of its own, so that what ends one ends no other.
"""

import ctypes
import json
import mmap
import os
import random
import select
import signal
import socket
import sys
import time
from collections.abc import Callable

_CALLS = 200
_ROUND_SECONDS = 0.05
# Ends calls that would wait, for as long as nothing random takes the timer away.
_PATIENCE_SECONDS = 0.001
_TELLING_SECONDS = 0.1
_HIGHEST_NUMBER = 600
_PAGES = 16
# Whoever makes these in a round ends it, or the program; in one round of so many they are made all the same.
_ENDING = {15, 34, 60, 61, 62, 129, 130, 200, 231, 234, 247, 297, 424}
_ENDING_ONE_IN = 8
_INTERESTING = (
    0, 1, 2, 3, 5, 6, 7, 8, 10, 17, 36, 64, 255, 4095, 4096, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32,
    (1 << 32) + 1, 1 << 47, 1 << 63, (1 << 64) - 1, (1 << 64) - 4096, -100 % (1 << 64), 0o102, 0o4000, 0x801, 0x5421,
    0x541B, 0x5452, 0x40049409, 1031, 1033, 0x53564D41, 0x11, 0x111, 0x20000011, 0x10000000, 0x40022, 0x22, 0x80000,
)  # fmt: skip
_PATHS = (
    b"/tmp/a", b"/tmp/b", b"/work", b"/", b".", b"..", b"/proc/self/mem", b"/proc/self/fd/1", b"/proc/self/ns/mnt",
    b"/proc/1/mem", b"/dev/urandom", b"/dev/zero", b"/dev/shm/x", b"/usr/bin/sh", b"\0", b"user.x", b"x" * 4095,
)  # fmt: skip

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def main() -> None:
    """Make calls until time is up."""
    seed, seconds, share = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    with open("numbers") as file:
        allowed: list[int] = json.load(file)
    # Counted in memory that all rounds share: calls, then successes by number.
    shared = mmap.mmap(-1, 8 * (_HIGHEST_NUMBER + 1))
    counts = (ctypes.c_uint64 * (_HIGHEST_NUMBER + 1)).from_buffer(shared)
    until = time.monotonic() + seconds
    output = os.dup(1)
    number, tell_at = 0, 0.0
    while time.monotonic() < until:
        number += 1
        _one_round(random.Random(f"{seed}/{number}"), allowed, share, counts, quiet=number % _ENDING_ONE_IN != 0)
        if time.monotonic() > tell_at:
            tell_at = time.monotonic() + _TELLING_SECONDS
            told = {"calls": counts[-1], "succeeded": [n for n, count in enumerate(counts[:-1]) if count]}
            os.write(output, f"\n{json.dumps(told)}\n".encode())


def _one_round(
    choose: random.Random, allowed: list[int], share: int, counts: "ctypes.Array[ctypes.c_uint64]", *, quiet: bool
) -> None:
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if quiet:
                null = os.open(os.devnull, os.O_RDWR)
                for descriptor in range(16):
                    os.dup2(null, descriptor)
            _make_calls(choose, allowed, share, counts, quiet)
        finally:
            os._exit(0)
    ended = os.pidfd_open(child)
    select.select([ended], [], [], _ROUND_SECONDS)
    os.close(ended)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _make_calls(
    choose: random.Random, allowed: list[int], share: int, counts: "ctypes.Array[ctypes.c_uint64]", quiet: bool
) -> None:
    pointers = _pointers(choose)
    descriptors = _descriptors()
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, True)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SECONDS, _PATIENCE_SECONDS)
    for _ in range(_CALLS):
        number = choose.choice(allowed) if choose.randrange(share + 1) else choose.randrange(_HIGHEST_NUMBER)
        if quiet and number in _ENDING:
            continue
        arguments = [_argument(choose, pointers, descriptors) for _ in range(6)]
        counts[-1] += 1
        if _libc.syscall(ctypes.c_long(number), *map(ctypes.c_ulong, arguments)) != -1:
            counts[number] += 1


def _argument(choose: random.Random, pointers: list[int], descriptors: list[int]) -> int:
    match choose.randrange(8):
        case 0 | 1:
            return choose.choice(pointers) + choose.choice((0, 0, 0, 1, 8, 4088))
        case 2 | 3:
            return choose.choice(descriptors)
        case 4:
            return choose.randrange(16)
        case 5:
            return choose.getrandbits(choose.choice((8, 16, 32, 64)))
        case _:
            return choose.choice(_INTERESTING)


def _pointers(choose: random.Random) -> list[int]:
    """Addresses of memory that can be written, or read only, or is not there, and of the kernel's."""
    writable = _libc_mmap(mmap.PROT_READ | mmap.PROT_WRITE)
    ctypes.memmove(writable, choose.randbytes(_PAGES * mmap.PAGESIZE), _PAGES * mmap.PAGESIZE)
    found = [0, 8, (1 << 47) - 4096, 0xFFFF_8880_0000_0000, (1 << 64) - 1, writable + _PAGES * mmap.PAGESIZE - 4]
    for place in range(_PAGES):
        found.append(writable + place * mmap.PAGESIZE)
        small = (ctypes.c_uint64 * 32).from_address(found[-1] + 1024)
        for word in range(32):
            small[word] = choose.choice((0, 1, 16, 4096, writable, writable + 2048, choose.randrange(64)))
        found.append(found[-1] + 1024)
    for place, path in enumerate(_PATHS):
        address = writable + (place % _PAGES) * mmap.PAGESIZE + 2048
        ctypes.memmove(address, path + b"\0", min(len(path) + 1, 2048))
        found.append(address)
    found += [_libc_mmap(mmap.PROT_READ), _libc_mmap(0)]
    return found


def _libc_mmap(protection: int) -> int:
    _libc.mmap.restype = ctypes.c_void_p
    length = ctypes.c_size_t(_PAGES * mmap.PAGESIZE)
    address = _libc.mmap(None, length, protection, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, ctypes.c_long(0))
    return int(address)


def _descriptors() -> list[int]:
    """Some of every kind that there is."""
    found = [-1 % (1 << 64), 0xFFFF_FF9C, 0, 1, 2, 1000, 0x7FFF_FFFF]
    openers: tuple[Callable[[], int], ...] = (
        lambda: os.open("/tmp/a", os.O_RDWR | os.O_CREAT, 0o600),
        lambda: os.open("/tmp", os.O_RDONLY),
        lambda: os.open("/", os.O_PATH),
        lambda: os.open("/dev/zero", os.O_RDWR),
        lambda: os.open("/dev/urandom", os.O_RDONLY),
        lambda: os.open(os.__file__, os.O_RDONLY),
        lambda: os.open("/proc/self/mem", os.O_RDONLY),
        lambda: os.open("/proc/self/ns/mnt", os.O_RDONLY),
        lambda: os.open("/proc/self/ns/net", os.O_RDONLY),
        lambda: os.memfd_create("m", os.MFD_ALLOW_SEALING),
        lambda: select.epoll().fileno(),
        lambda: socket.socket().detach(),
        lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).detach(),
        lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).detach(),
        lambda: os.pidfd_open(os.getpid()),
    )
    found += [open_one() for open_one in openers]
    found += os.pipe()
    found += [end.detach() for end in socket.socketpair()]
    return found


if __name__ == "__main__":
    main()
