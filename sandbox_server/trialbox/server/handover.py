"""How a request reaches the jail: sealed anonymous memory."""

import fcntl
import marshal
import os
from typing import Any

from trialbox.server.model import Job, Role

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
# The first that writes all of these types as later ones do.
_MARSHAL_VERSION = 2
# Runs instead of the program's source, which our script then loads.
_MAIN = "import {0}\n{0}.main()\n"


def written(value: Any) -> bytes:
    """Write plain data in a form that every Python's marshal reads."""
    return marshal.dumps(value, _MARSHAL_VERSION)


def payload(job: Job, resource_limits: dict[int, int]) -> bytes:
    """What the program's process reads: see guest/forkserver.py."""
    program = job.program
    source, files = program.source, program.files
    part = None
    if job.part is not None:
        files = files if job.part.role is Role.JUDGE else files | {"candidate.py": source}
        source = _MAIN.format(job.part.role.value).encode()
        part = (job.part.role.value, job.part.data)
    parts = (
        resource_limits,
        # As the interpreter reads its own arguments and environment.
        [os.fsdecode(argument.encode()) for argument in program.args],
        {os.fsdecode(name.encode()): os.fsdecode(value.encode()) for name, value in program.env.items()},
        source,
        files,
        part,
        [os.fsencode(pattern) for pattern in job.collect],
    )
    return written(parts)


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
