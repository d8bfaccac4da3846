"""Lets one process at a time write into a run's folder."""

import fcntl
import os
from pathlib import Path
from typing import IO

from trialbox.synthesis.store.errors import StoreError

_NAME = "run.lock"


def lock(folder: Path) -> IO[str]:
    """Take the folder until the file returned is closed; the kernel lets go of it however the process ends.

    Raises StoreError where another process has it, OSError where the file can't be made or is a link.
    """
    # The folder may be someone else's: a link in it must not have another file emptied.
    file = os.fdopen(os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666), "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StoreError(f"another process is at work on the run in {folder}; wait for it, or stop it") from None
    return file
