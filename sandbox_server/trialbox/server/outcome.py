"""From how a program ended to the contract's outcome, and to the exception it told of."""

import os
import re
import signal

from trialbox.server.model import Outcome, ProgramException

# What the host or the fork server ends a program for, and the outcome that makes.
REASONS = {
    b"wall": Outcome.WALL_TIME_EXCEEDED,
    b"cpu": Outcome.CPU_TIME_EXCEEDED,
    b"memory": Outcome.MEMORY_EXCEEDED,
    b"output": Outcome.OUTPUT_EXCEEDED,
    b"cancelled": Outcome.CANCELLED,
    b"forged": Outcome.CANCELLED,
    b"no_output": Outcome.NO_OUTPUT_TIME_EXCEEDED,
}

_TRACEBACK_BYTES = 65536
_TYPE_LIMIT = 200
_MESSAGE_LIMIT = 4000
# A group's traceback has a margin of its own.
_START = re.compile(
    rb"^(?:Traceback \(most recent call last\):|  \+ Exception Group Traceback \(most recent call last\):"
    rb'|  (?:\|   )?File "/work/main\.py", line \d)',
    re.MULTILINE,
)
_LOCATION = re.compile(rb'^(?:  \|)? +File "/work/main\.py", line (\d{1,9})', re.MULTILINE)
_EXCEPTION = re.compile(r"([^\W\d][\w.<>]*)(?:: (.*))?", re.DOTALL)


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
    starts = [match.start() for match in _START.finditer(text)]
    if not starts:
        return None
    lines = text[starts[-1] :].split(b"\n")
    in_group = lines[0].startswith((b"  +", b"  |"))
    margin = b"  | " if in_group else b""
    for position, line in enumerate(lines[1:], 1):
        named = line.removeprefix(margin)
        if not line.startswith(margin) or not named or named.startswith(b" "):
            continue
        # The text of a group ends where its members begin; any other may be all that follows.
        rest = [named] if in_group else lines[position:]
        first, *more = (part.decode(errors="replace") for part in rest)
        match = _EXCEPTION.fullmatch(first)
        if match is None:
            return None
        locations = _LOCATION.findall(b"\n".join(lines[:position]))
        message = "" if match[2] is None else "\n".join([match[2], *more]).rstrip("\n")
        return ProgramException(
            type=match[1][:_TYPE_LIMIT],
            message=message[:_MESSAGE_LIMIT],
            line=int(locations[-1]) if locations else 0,
        )
    return None
