"""How a request reaches the jail: anonymous memory, filled when it is known and then sealed."""

import fcntl
import os

from trialbox.server.guest import frames
from trialbox.server.model import Job

# Runs instead of the program's source, which the harness then loads.
_HARNESS_MAIN = b"import harness\nharness.main()\n"


def payload(job: Job, resource_limits: dict[int, int]) -> bytes:
    """What the program's process reads: see guest/init.py."""
    program = job.program
    environment = [text for pair in program.env.items() for text in pair]
    files = dict(program.files)
    if job.harness is None:
        files["main.py"] = program.source
    else:
        files |= {"main.py": _HARNESS_MAIN, "candidate.py": program.source}
    return frames.pack(
        b"script" if job.harness is None else b"harness",
        frames.pack(*(b"%d" % number for pair in resource_limits.items() for number in pair)),
        frames.pack(*map(os.fsencode, program.args)),
        frames.pack(*map(os.fsencode, environment)),
        frames.pack(*(part for name, content in files.items() for part in (name.encode(), content))),
        job.harness or b"",
    )


def fill(descriptor: int, content: bytes) -> None:
    """Write without moving the offset, which the jail shares."""
    written = 0
    view = memoryview(content)
    while written < len(content):
        written += os.pwrite(descriptor, view[written:], written)


def seal(descriptor: int) -> None:
    """Let nobody change it from here on."""
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
