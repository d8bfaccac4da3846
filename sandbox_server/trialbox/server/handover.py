"""How a request reaches the jail: sealed anonymous memory."""

import fcntl
import os

from trialbox.server.guest import frames
from trialbox.server.model import Job

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
# Runs instead of the program's source, which the harness then loads.
_HARNESS_MAIN = b"import harness\nharness.main()\n"


def payload(job: Job, resource_limits: dict[int, int]) -> bytes:
    """What the program's process reads: see guest/forkserver.py."""
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
        frames.pack(*map(os.fsencode, job.collect)),
    )


def sealed(name: str, content: bytes) -> int:
    """Put `content` into anonymous memory that nobody can change; return its descriptor, at offset 0."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    written = 0
    view = memoryview(content)
    # Without moving the offset, which the jail shares.
    while written < len(content):
        written += os.pwrite(descriptor, view[written:], written)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor
