"""For cheats: takes hold of what a program's process is connected to, whatever is spoken there."""

import os
import socket
import stat
import threading

_PIECE_BYTES = 1 << 20


def inherited():
    """The descriptors that the process was given besides the standard three."""
    found = []
    for number in range(3, 1024):
        try:
            found.append((number, os.fstat(number).st_mode))
        except OSError:
            pass
    return found


def sockets():
    """Those that are sockets, as objects that leave them open."""
    found = []
    for number, mode in inherited():
        if stat.S_ISSOCK(mode):
            found.append(socket.socket(fileno=number))
    _kept.extend(found)
    return found


def writable():
    """The numbers of those that something can be written to."""
    return [number for number, mode in inherited() if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)]


def tap(outward, inward=None):
    """Have what goes out pass through `outward`, and what comes in through `inward`: they return what to pass on.

    Returns the true ends.
    """
    ends = []
    for number, mode in inherited():
        if stat.S_ISSOCK(mode):
            real = socket.socket(fileno=os.dup(number))
            ours, theirs = socket.socketpair(real.family, real.type)
            _kept.extend((real, ours))
            os.dup2(theirs.detach(), number)
            ends.append(real.fileno())
            _start(ours.fileno(), real.fileno(), outward)
            _start(real.fileno(), ours.fileno(), inward or _same)
        elif stat.S_ISFIFO(mode) and _is_for_writing(number):
            real = os.dup(number)
            reading, writing = os.pipe()
            os.dup2(writing, number)
            os.close(writing)
            ends.append(real)
            _start(reading, real, outward)
    return ends


_kept = []


def _same(data):
    return [data]


def _is_for_writing(number):
    try:
        os.write(number, b"")
    except OSError:
        return False
    return True


def _start(source, sink, change):
    threading.Thread(target=_pump, args=(source, sink, change), daemon=True).start()


def _pump(source, sink, change):
    while data := os.read(source, _PIECE_BYTES):
        for piece in change(data):
            while piece:
                piece = piece[os.write(sink, piece) :]
    try:
        socket.socket(fileno=sink).shutdown(socket.SHUT_WR)
    except OSError:
        os.close(sink)
