"""How a request reaches the jail: sealed anonymous memory."""

import fcntl
import marshal
import os

from trialbox.server.model import Job

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
# The first that writes all of these types as later ones do.
_MARSHAL_VERSION = 2
# Runs instead of the program's source, which the harness then loads.
_HARNESS_MAIN = b"import harness\nharness.main()\n"


def payload(job: Job, resource_limits: dict[int, int]) -> bytes:
    """What the program's process reads, in a form that every Python's marshal knows: see guest/forkserver.py."""
    program = job.program
    source, files = program.source, program.files
    if job.harness is not None:
        source, files = _HARNESS_MAIN, files | {"candidate.py": source}
    parts = (
        resource_limits,
        # As the interpreter reads its own arguments and environment.
        [os.fsdecode(argument.encode()) for argument in program.args],
        {os.fsdecode(name.encode()): os.fsdecode(value.encode()) for name, value in program.env.items()},
        source,
        files,
        job.harness,
        [os.fsencode(pattern) for pattern in job.collect],
    )
    return marshal.dumps(parts, _MARSHAL_VERSION)


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
