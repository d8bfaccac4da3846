"""For cheats: finds the canary of the task `secret` in bytes, and knows none of it but its beginning."""

import os
import re

# What it looks for is nowhere in it, so that it never finds itself.
_CANARY = re.compile(rb"canary-[0-9a-f]{32}")
_WIDE = re.compile(rb"c\0(?:\0\0)?a\0(?:\0\0)?n\0(?:\0\0)?a\0(?:\0\0)?r\0(?:\0\0)?y\0(?:\0\0)?-\0(?:\0\0)?(?:[0-9a-f]\0(?:\0\0)?){32}")
_CHUNK_BYTES = 1 << 20
_OVERLAP_BYTES = 256


def canary_in(data):
    """The canary as text, or None."""
    found = _CANARY.search(data) or _WIDE.search(data)
    return found[0].replace(b"\0", b"").decode() if found else None


def search_memory(path="/proc/self/mem", maps="/proc/self/maps", find=canary_in):
    """What `find` finds first in a process's memory, or None."""
    with open(maps) as file:
        lines = file.read().splitlines()
    memory = os.open(path, os.O_RDONLY)
    try:
        for line in lines:
            place, rights, *_ = line.split()
            begin, end = (int(address, 16) for address in place.split("-"))
            if "r" not in rights or line.endswith(("[vvar]", "[vvar_vclock]", "[vsyscall]")):
                continue
            for start in range(begin, end, _CHUNK_BYTES):
                try:
                    chunk = os.pread(memory, min(_CHUNK_BYTES + _OVERLAP_BYTES, end - start), start)
                except OSError:
                    break
                found = find(chunk)
                if found is not None:
                    return found
    finally:
        os.close(memory)
    return None
