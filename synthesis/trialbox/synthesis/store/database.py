"""The database of a run: its schema, and how to open it."""

import json
import math
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any

from trialbox.synthesis.store.errors import StoreError

FILE = "run.sqlite"
_APPLICATION_ID = 0x74726C62  # "trlb"
_VERSION = 2

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
_MIXED_UP = "SELECT 1 FROM samples JOIN programs USING (program_id) WHERE samples.position <> programs.position"
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("task_id", "prompt", "note", "case_names", "content", "source", "text", "finish_reason"), (str,)),
    **dict.fromkeys(("name", "value"), (str,)),
    **dict.fromkeys(("reference", "prompt_id", "evaluation"), (str, NoneType)),
    **dict.fromkeys(("position", "number"), (int,)),
    **dict.fromkeys(("base_cases", "program_id", "seed", "tokens"), (int, NoneType)),
    **dict.fromkeys(("temperature", "seconds"), (float, NoneType)),
}
"""What columns hold; to SQLite their types are no more than advice."""
_SHOWN = 60


def connect(folder: Path, *, writing: bool) -> sqlite3.Connection:
    """Open the database of the run in `folder`; for writing, make it where there is none.

    The run may come from somebody else: its tables must be those that are made here, without triggers or views, and
    what they hold must be of the right kind and belong together. Raises StoreError, later too, for a row that isn't so.
    """
    path = folder / FILE
    _refuse_foreign_files(path)
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
            # What tables' definitions call must be harmless until they are known to be our own.
            connection.execute("PRAGMA trusted_schema = OFF")
            if writing and is_empty(connection):
                # So that a kill in the first moment leaves no journal, which is refused.
                connection.execute("PRAGMA journal_mode = OFF")
            else:
                _check(connection, path)
            connection.row_factory = _checking(path)
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
    """Empty the database, if it isn't; to be called within the transaction that makes them anew."""
    for name in re.findall(r"CREATE TABLE (\w+)", _SCHEMA):
        connection.execute(f"DROP TABLE IF EXISTS {name}")


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
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise StoreError(f"the run holds a text that is not UTF-8: {error}") from error


def _checking(path: Path) -> Callable[[sqlite3.Cursor, tuple[Any, ...]], tuple[Any, ...]]:
    """Refuses rows in which a value isn't of its column's kind."""

    def checked(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        for (name, *_), value in zip(cursor.description, row, strict=True):
            if not isinstance(value, _KINDS.get(name, object)) or (isinstance(value, float) and math.isinf(value)):
                raise StoreError(f"{path} is no run of trialbox: {name} can't be {value!r:.{_SHOWN}}")
        return row

    return checked


def _refuse_foreign_files(path: Path) -> None:
    # SQLite follows a link, waits for ever at a pipe, and deletes whatever file a journal names. Runs have no journal.
    if path.is_symlink() or (path.exists() and not stat.S_ISREG(path.stat().st_mode)):
        raise StoreError(f"{path} must be a file")
    journal = path.with_name(f"{path.name}-journal")
    if journal.is_symlink() or journal.exists():
        raise StoreError(f"{journal} is there, which no run of trialbox has; without it the run can be used")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != _APPLICATION_ID:
        raise StoreError(f"{path} is no run of trialbox")
    if version != _VERSION:
        raise StoreError(f"{path} is a run in format {version}; this trialbox knows format {_VERSION}")
    if _tables(connection) != _own_tables():
        raise StoreError(f"{path} is no run of trialbox: its tables, views or triggers are others")
    if connection.execute("SELECT count(*), count(seconds) FROM run").fetchone() != (1, 1):
        raise StoreError(f"{path} is no run of trialbox: it does not say how long it took")
    if connection.execute("PRAGMA foreign_key_check").fetchone() or connection.execute(_MIXED_UP).fetchone():
        raise StoreError(f"{path} is no run of trialbox: tasks, prompts, programs and samples don't belong together")


def _tables(connection: sqlite3.Connection) -> set[Any]:
    return set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"))


@cache
def _own_tables() -> set[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        make_tables(connection)
        return _tables(connection)
