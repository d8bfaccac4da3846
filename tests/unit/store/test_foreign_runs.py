"""A run's folder may come from someone else: nothing in it does harm elsewhere, what is no run is told in a line."""

import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest
from kept_runs import PASSED, TASKS, answer, begun, graded

from trialbox.synthesis.results import stored_report
from trialbox.synthesis.store import StoredRun, StoreError, reopen, task_runs
from trialbox.synthesis.store.replacing import replacing


def kept(folder: Path) -> Path:
    """A run with graded samples; returns its database."""
    with begun(folder) as store:
        store.add([answer("Mbpp/2", 0), answer("Mbpp/1", 0, "two = 2")])
        store.grade([graded(program.program_id, PASSED, PASSED) for program in store.ungraded(0, 9)])
    return folder / "run.sqlite"


def refused(folder: Path) -> str:
    """What is said of it when it is gone on with, which must be what is said when it is read."""
    told = []
    for use in (reopen, StoredRun):
        with pytest.raises(StoreError) as raised:
            use(folder)
        told.append(str(raised.value))
    assert told[0] == told[1] and "\n" not in told[0]
    return told[0]


def read_through(folder: Path) -> None:
    with StoredRun(folder) as run:
        assert run.seconds >= 0 and run.settings
        for one in task_runs(run):
            assert [run.prompt(sample.prompt_id) for sample in one.samples if sample.prompt_id]
        assert list(stored_report(run, TASKS).graded)


def journal_that_names(path: Path, victim: Path) -> bytes:
    """A journal in SQLite's format, of the first page, that belongs to a transaction over several databases."""
    page = path.read_bytes()[:4096]
    checksum = (7 + sum(page[place] for place in range(len(page) - 200, 0, -200))) & 0xFFFFFFFF
    magic = bytes.fromhex("d9d505f920a163d7")
    pages = path.stat().st_size // len(page)
    head = (magic + struct.pack(">5I", 1, 7, pages, 512, len(page))).ljust(512, b"\0")
    name = bytes(victim)
    named = struct.pack(">I", 0x40000000 // len(page) + 1) + name + struct.pack(">2I", len(name), sum(name)) + magic
    return head + struct.pack(">I", 1) + page + struct.pack(">I", checksum) + named


def test_a_journal_that_has_sqlite_delete_another_file_is_refused(tmp_path: Path) -> None:
    path = kept(tmp_path / "run")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    (victim := tmp_path / "victim").write_text("precious")
    (path.parent / "run.sqlite-journal").write_bytes(journal_that_names(path, victim))
    assert "run.sqlite-journal is there, which no run of trialbox has" in refused(path.parent)
    assert victim.read_text() == "precious"


def test_a_database_that_links_elsewhere_is_refused_and_the_file_there_is_left_as_it_is(tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").touch()
    (folder := tmp_path / "run").mkdir()
    (folder / "run.sqlite").symlink_to(elsewhere)
    assert "run.sqlite must be a file" in refused(folder)
    with pytest.raises(StoreError, match="must be a file"):
        begun(folder)
    assert elsewhere.read_bytes() == b""


def test_a_pipe_in_the_database_s_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.sqlite")
    assert "run.sqlite must be a file" in refused(tmp_path)


def test_a_link_where_a_result_is_written_first_is_not_followed(tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").write_text("precious")
    (tmp_path / "report.html.new").symlink_to(elsewhere)
    with replacing(tmp_path / "report.html") as file:
        file.write(b"ours")
    assert (tmp_path / "report.html").read_bytes() == b"ours"
    assert elsewhere.read_text() == "precious"


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        (
            "CREATE TRIGGER t AFTER INSERT ON settings BEGIN UPDATE tasks SET prompt = ''; END",
            "tables, views or triggers",
        ),
        # Reading it would never end.
        (
            "ALTER TABLE run RENAME TO other; CREATE VIEW run AS WITH RECURSIVE endless(seconds) AS"
            " (SELECT 1 UNION ALL SELECT seconds + 1 FROM endless) SELECT seconds FROM endless",
            "tables, views or triggers",
        ),
        ("DELETE FROM prompts", "don't belong together"),
        ("DELETE FROM programs", "don't belong together"),
        ("DELETE FROM tasks WHERE position = 0", "don't belong together"),
        ("UPDATE samples SET program_id = (SELECT max(program_id) FROM programs)", "don't belong together"),
        ("DELETE FROM run", "how long it took"),
        ("INSERT INTO run VALUES (1)", "how long it took"),
    ],
)
def test_a_database_that_is_made_otherwise_is_refused(tmp_path: Path, statements: str, complaint: str) -> None:
    with closing(sqlite3.connect(kept(tmp_path))) as connection:
        connection.executescript(statements)
    assert complaint in refused(tmp_path)


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE tasks SET prompt = x'00ff'", r"prompt can't be b'\x00\xff'"),
        ("UPDATE tasks SET prompt = CAST(x'ff' AS TEXT)", "not UTF-8"),
        ("UPDATE samples SET temperature = 'hot'", "temperature can't be 'hot'"),
        ("UPDATE samples SET seconds = 9e999", "seconds can't be inf"),
        ("UPDATE run SET seconds = 'long'", "seconds can't be 'long'"),
        ("UPDATE settings SET value = '{'", "'model' is not JSON"),
        ("INSERT INTO settings VALUES ('samples', '\"many\"', 1)", "'samples' can't be 'many'"),
        ("INSERT INTO settings VALUES ('limit', '\"3\"', 1)", "'limit' can't be '3'"),
        ("INSERT INTO settings VALUES ('data', '\"a\\u0000b\"', 0)", r"'data' can't be 'a\x00b'"),
        (f"INSERT INTO settings VALUES ('deep', '{'[' * 100_000}', 1)", "'deep' is not JSON"),
        (f"INSERT INTO settings VALUES ('deep', '{'[' * 900}{']' * 900}', 1)", "'deep' can't be [["),
        ("UPDATE tasks SET case_names = '7'", "case_names that are no list of texts: '7'"),
        ("UPDATE tasks SET case_names = '[]'", "program 1 has other verdicts than Mbpp/2 has cases"),
        ("UPDATE programs SET evaluation = '{'", "verdicts that can't be read"),
        ("UPDATE programs SET evaluation = '[]'", "verdicts that can't be read"),
        (f"UPDATE programs SET evaluation = '{'[' * 100_000}'", "verdicts that can't be read"),
        ("UPDATE programs SET evaluation = replace(evaluation, 'PASSED', 'WON')", "'WON' is not a valid Verdict"),
        ("UPDATE programs SET evaluation = replace(evaluation, '0.25', 'NaN')", "nan is no time"),
        ("UPDATE programs SET evaluation = replace(evaluation, '0.25', '0.25,7')", "a str is wanted, not a int"),
        ("UPDATE programs SET evaluation = replace(evaluation, 'wall_seconds', 'x')", "unexpected keyword"),
    ],
)
def test_what_no_run_holds_is_told_in_a_line(tmp_path: Path, statement: str, complaint: str) -> None:
    with closing(sqlite3.connect(kept(tmp_path))) as connection, connection:
        connection.execute(statement)
    with pytest.raises(StoreError) as raised:
        read_through(tmp_path)
    assert complaint in str(raised.value) and "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400
