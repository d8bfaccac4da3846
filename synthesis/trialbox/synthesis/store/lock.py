"""Lets one process at a time write into a run's folder."""

import fcntl
from pathlib import Path
from typing import IO

from trialbox.synthesis.store.errors import StoreError

_NAME = "run.lock"


def lock(folder: Path) -> IO[str]:
    """Take the folder until the file returned is closed; the kernel lets go of it however the process ends.

    Raises StoreError where another process has it, OSError where the file can't be made.
    """
    file = (folder / _NAME).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StoreError(f"another process is at work on the run in {folder}; wait for it, or stop it") from None
    return file
