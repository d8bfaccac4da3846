"""Opens the SQLite file of a run: makes it, knows it again, and keeps a second writer out."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from trialbox.synthesis.store.schema import APPLICATION_ID, TABLES, VERSION

FILE_NAME = "run.sqlite"
_LOCK_NAME = "run.lock"
_BUSY_SECONDS = 30.0


class StoreError(Exception):
    """A folder holds no run that can be used so; the message says why."""


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep others from writing into a run meanwhile; a killed process lets go too. Raises StoreError and OSError."""
    descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"another process is writing into the run in {folder}") from None
        yield
    finally:
        os.close(descriptor)


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run, of whatever version."""
    return (folder / FILE_NAME).exists()


def create(folder: Path) -> sqlite3.Connection:
    """Make the file, whole or not at all, and open it; raises StoreError and OSError."""
    new = folder / f"{FILE_NAME}.new"
    new.unlink(missing_ok=True)
    with _telling(folder), closing(sqlite3.connect(new)) as connection:
        connection.executescript(TABLES)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.commit()
    new.rename(folder / FILE_NAME)
    return open_file(folder)


def open_file(folder: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the file; raises StoreError where there is none, or one of something else."""
    path = folder / FILE_NAME
    if not path.exists():
        raise StoreError(f"{folder} holds no run: {FILE_NAME} is missing")
    with _telling(folder):
        # Transactions are begun and ended by hand.
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise StoreError(f"{path} is an SQLite file of something else than a run")
        if version != VERSION:
            raise StoreError(f"{path} is a run of version {version}; this trialbox reads version {VERSION}")
        # A killed process loses nothing that was committed; with power lost, what was committed last may be missing.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def _telling(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreError(f"the run in {folder} can't be used: {error}") from error
