"""The database of a run: its schema, and how to open it."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trialbox.synthesis.store.errors import StoreError

FILE = "run.sqlite"
_APPLICATION_ID = 0x74726C62  # "trlb"
_VERSION = 1

_SCHEMA = """
CREATE TABLE run (seconds REAL NOT NULL);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL, fixed INTEGER NOT NULL);
CREATE TABLE tasks (
    position INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    prompt TEXT NOT NULL,
    reference TEXT,
    base_cases INTEGER,
    note TEXT NOT NULL,
    case_names TEXT NOT NULL
);
CREATE TABLE prompts (prompt_id TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE programs (
    program_id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL REFERENCES tasks,
    digest BLOB NOT NULL,
    source TEXT NOT NULL,
    passed INTEGER,
    base_passed INTEGER,
    error_class TEXT,
    wall_seconds REAL,
    evaluation TEXT,
    UNIQUE (position, digest)
);
CREATE INDEX by_task ON programs (position);
CREATE INDEX ungraded ON programs (program_id) WHERE evaluation IS NULL;
CREATE TABLE samples (
    position INTEGER NOT NULL REFERENCES tasks,
    number INTEGER NOT NULL,
    prompt_id TEXT REFERENCES prompts,
    seed INTEGER,
    temperature REAL,
    text TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    tokens INTEGER,
    seconds REAL,
    program_id INTEGER REFERENCES programs,
    PRIMARY KEY (position, number)
);
"""


def connect(folder: Path, *, writing: bool) -> sqlite3.Connection:
    """Open the database of the run in `folder`; for writing, make it where there is none. Raises StoreError."""
    path = folder / FILE
    with telling(path):
        # The pipeline calls it from a thread of its own, one call at a time.
        connection = sqlite3.connect(
            path if writing else f"{path.absolute().as_uri()}?mode=ro",
            uri=not writing,
            isolation_level=None,
            check_same_thread=False,
        )
    connection.text_factory = _text
    try:
        with telling(path):
            # A run may come from somebody else: what its tables' definitions call must be harmless.
            connection.execute("PRAGMA trusted_schema = OFF")
            if not (writing and is_empty(connection)):
                _check(connection, path)
            if writing:
                # Survives the end of the process at any point; only the machine's own end may cost the last commits.
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever committed to it."""
    return connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None


def holds_samples(connection: sqlite3.Connection) -> bool:
    """Whether there is more of the run than what was asked for."""
    return connection.execute("SELECT 1 FROM samples LIMIT 1").fetchone() is not None


def drop_tables(connection: sqlite3.Connection) -> None:
    """Empty the database of a run; to be called within the transaction that makes them anew."""
    for name in re.findall(r"CREATE TABLE (\w+)", _SCHEMA):
        connection.execute(f"DROP TABLE {name}")


def make_tables(connection: sqlite3.Connection) -> None:
    """Fill an empty database; to be called within a transaction, so that it holds a run or nothing."""
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all that is written within this, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Make a StoreError of whatever SQLite raises."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"can't use {path}: {error}") from error


def as_text(text: str) -> bytes:
    """What to bind where SQL says CAST(? AS TEXT): models write lone surrogates too, which are no UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def as_json(value: Any) -> str:
    """Plain values as text; equal ones give the same."""
    return json.dumps(value, sort_keys=True)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != _APPLICATION_ID:
        raise StoreError(f"{path} is no run of trialbox")
    if version != _VERSION:
        raise StoreError(f"{path} is a run in format {version}; this trialbox knows format {_VERSION}")
