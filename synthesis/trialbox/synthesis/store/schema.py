"""The tables of a run. Texts that a model or a program wrote are kept as bytes: they may be no UTF-8."""

VERSION = 1
"""Changes with the tables; a file of another version is refused."""

APPLICATION_ID = 0x74626F78
"""Marks an SQLite file as a run ("tbox")."""

TABLES = """
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL  -- JSON
) WITHOUT ROWID;
CREATE TABLE tasks (
    task INTEGER PRIMARY KEY,  -- its place in the data set
    task_id TEXT NOT NULL UNIQUE,
    prompt TEXT NOT NULL,
    reference TEXT,
    base_cases INTEGER,
    note TEXT NOT NULL
);
CREATE TABLE prompts (
    prompt_id TEXT PRIMARY KEY,
    content TEXT NOT NULL  -- a text, or the messages of a chat as JSON
) WITHOUT ROWID;
CREATE TABLE programs (
    program_id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL REFERENCES tasks,
    digest BLOB NOT NULL,
    source BLOB NOT NULL,
    passed INTEGER,  -- this and the next three: NULL while the program is not graded
    base_passed INTEGER,
    error_class TEXT,
    cases BLOB,  -- JSON, packed by zlib
    UNIQUE (task, digest)
);
CREATE INDEX ungraded ON programs (program_id) WHERE passed IS NULL;
CREATE TABLE samples (
    task INTEGER NOT NULL REFERENCES tasks,
    number INTEGER NOT NULL,  -- which of the task's samples
    prompt_id TEXT NOT NULL REFERENCES prompts,
    seed INTEGER NOT NULL,
    temperature REAL NOT NULL,
    text BLOB NOT NULL,
    finish_reason TEXT NOT NULL,
    tokens INTEGER,
    seconds REAL,
    program_id INTEGER REFERENCES programs,  -- NULL where the answer holds no program
    PRIMARY KEY (task, number)
) WITHOUT ROWID;
"""
