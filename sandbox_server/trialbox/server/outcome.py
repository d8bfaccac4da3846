"""From how a program ended to the contract's outcome, and to the exception it told of."""

import os
import re
import signal

from trialbox.server.model import Outcome, ProgramException

# What a host or init ends a program for, and the outcome that makes.
REASONS = {
    b"wall": Outcome.WALL_TIME_EXCEEDED,
    b"cpu": Outcome.CPU_TIME_EXCEEDED,
    b"memory": Outcome.MEMORY_EXCEEDED,
    b"output": Outcome.OUTPUT_EXCEEDED,
    b"cancelled": Outcome.CANCELLED,
}

_TRACEBACK_BYTES = 65536
_LOCATION = re.compile(rb'^ +File "/work/main\.py", line (\d+)', re.MULTILINE)
_EXCEPTION = re.compile(rb"^(?:  \| )?([A-Za-z_][\w.]*)(?:: (.*))?$", re.DOTALL)


def decide(*, reason: bytes, wait_status: int, oom_kills: int, output_exceeded: bool) -> Outcome:
    """Name the outcome; `reason` is empty when the program ended by itself."""
    if oom_kills:  # anywhere in the tree, also of a child whose parent went on
        return Outcome.MEMORY_EXCEEDED
    if reason:
        return REASONS[reason]
    if output_exceeded:  # it ended between its last write and our reading it
        return Outcome.OUTPUT_EXCEEDED
    if os.WIFSIGNALED(wait_status):
        # Only the filter's verdict sends SIGSYS: programs are kept from sending it.
        denied = os.WTERMSIG(wait_status) == signal.SIGSYS
        return Outcome.SYSCALL_DENIED if denied else Outcome.SIGNALED
    return Outcome.SUCCEEDED if os.WEXITSTATUS(wait_status) == 0 else Outcome.FAILED


def exception_from(stderr: bytes) -> ProgramException | None:
    """Read the last traceback that Python printed; None where there is none.

    The program wrote it, so it is a hint for people and decides nothing.
    """
    text = stderr[-_TRACEBACK_BYTES:]
    # The last line at the margin, after lines that are not, is where Python names it.
    start = max(text.rfind(b"\nTraceback (most recent call last):\n"), text.rfind(b'\n  File "/work/main.py", line '))
    if start < 0 and not text.startswith((b"Traceback (most recent call last):\n", b'  File "/work/main.py", line ')):
        return None
    block = text[max(start, 0) :].lstrip(b"\n")
    lines = block.split(b"\n")
    for position, line in enumerate(lines[1:], 1):
        if line and not line.startswith(b" "):
            match = _EXCEPTION.match(b"\n".join(lines[position:]).rstrip(b"\n"))
            if match is None:
                return None
            locations = _LOCATION.findall(b"\n".join(lines[:position]))
            return ProgramException(
                type=match[1].decode(errors="replace"),
                message=(match[2] or b"").decode(errors="replace"),
                line=int(locations[-1]) if locations else 0,
            )
    return None
