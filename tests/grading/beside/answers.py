"""For cheats: writes messages of the channel between judge and candidate, as its documentation says."""

import os
import struct

import wiretap

LOADED, VALUE, RAISED, UNFIT = 0, 1, 2, 3


def message(kind, first=b"", second=b"", third=b""):
    head = struct.pack("<BII", kind, len(first), len(second))
    return struct.pack("<I", len(head + first + second + third)) + head + first + second + third


def frames(*fields):
    return b"".join(b"%d:%b" % (len(field), field) for field in fields)


def send(message):
    """Send this instead of what the call under way returns, and of all that is answered from now on."""
    if not _ends:
        _ends.extend(wiretap.tap(lambda data: []))
    for number in _ends:
        left = message
        while left:
            left = left[os.write(number, left) :]


_ends = []
