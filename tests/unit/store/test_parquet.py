"""A run's samples and verdicts can be read back from the Parquet file that was made of them."""

import subprocess
import sys
from pathlib import Path

import pytest
from kept_runs import FAILED, PASSED, answer, begun, graded

from trialbox.synthesis.store import StoredRun
from trialbox.synthesis.store.parquet import write_parquet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task whose samples came to a program that passes and one that fails, one that waits, one without any."""
    with begun(tmp_path / "run") as store:
        store.add([answer("Mbpp/3", 0, None), answer("Mbpp/3", 1, "lone = '\ud800'"), answer("Mbpp/3", 2)])
        store.add([answer("Mbpp/2", 0, None), answer("Mbpp/1", 0), answer("Mbpp/1", 1, "two = 2")])
        first, _, third, _ = store.ungraded(0, 4)
        store.grade([graded(first.program_id, PASSED, PASSED), graded(third.program_id, PASSED, FAILED)])
    return tmp_path / "run"


def test_each_sample_is_a_row_with_its_verdicts(folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="make synthesis installs it")
    with StoredRun(folder) as run:
        assert write_parquet(run, tmp_path / "run.parquet") == 6
    rows = parquet.read_table(tmp_path / "run.parquet").to_pylist()
    assert [(row["task_id"], row["sample"], row["passed"], row["error"]) for row in rows] == [
        ("Mbpp/2", 0, False, "no code"),
        ("Mbpp/1", 0, False, "other runtime"),
        ("Mbpp/1", 1, None, None),
        ("Mbpp/3", 0, False, "no code"),
        ("Mbpp/3", 1, True, None),
        ("Mbpp/3", 2, None, None),
    ]
    assert [row["verdicts"] for row in rows] == [None, ["PASSED", "ERROR"], None, None, ["PASSED", "PASSED"], None]
    assert [row["cases_passed"] for row in rows] == [None, 1, None, None, 2, None]
    assert (rows[4]["source"], rows[4]["seed"], rows[4]["text"]) == (
        "lone = '\ufffd'",
        2**63 - 1,
        "Here: lone = '\ufffd'",
    )
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".new"] == []


def test_without_the_extra_it_is_named(folder: Path) -> None:
    program = (
        "import sys; sys.modules['pyarrow'] = None; from trialbox.cli import main\n"
        f"sys.argv = ['trialbox', 'export', {str(folder)!r}, 'run.parquet']; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert (
        b"writing Parquet needs pyarrow, which is not installed: pip install 'trialbox[synthesis]' (in" in done.stderr
    )


def test_what_can_t_be_written_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="make synthesis installs it")
    with StoredRun(folder) as run, pytest.raises(OSError):
        write_parquet(run, tmp_path / "absent" / "run.parquet")


def test_a_folder_in_the_file_s_place_is_named_and_nothing_is_left_beside_it(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="make synthesis installs it")
    (taken := tmp_path / "taken").mkdir()
    command = [sys.executable, "-m", "trialbox.cli", "export", str(folder), str(taken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"trialbox: can't write to {taken}: Is a directory\n")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "taken"}
