"""A data file from somebody else is read within bounds, or refused in a line that can be shown."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trialbox.synthesis.tasks import SampleFile, TaskFileError, load, rows
from trialbox.synthesis.tasks.mathqa_formula import FormulaError, solve

TASK = {"task_id": "a/1", "prompt": "One.", "asserts": ["assert one() == 1"]}
MBPP = {"task_id": 1, "text": "One.", "code": "", "test_list": ["assert True"], "test_setup_code": ""}


def complaint(name: str, path: Path) -> str:
    with pytest.raises(TaskFileError) as raised:
        load(name, path)
    return str(raised.value)


def written(folder: Path, *told: dict[str, Any]) -> Path:
    path = folder / "tasks.jsonl"
    path.write_text("\n".join(map(json.dumps, told)))
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_larger_than_any_data_set_is_not_held(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_MOST_BYTES", 1 << 20)
    (path := tmp_path / "tasks.jsonl").write_bytes(pack(b" " * (2 << 20)))
    assert complaint("jsonl", path) == f"{path}: holds more than 1 MiB, unpacked"


def test_a_line_longer_than_any_program_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_MOST_LINE_CHARACTERS", 1 << 20)
    (samples := tmp_path / "samples.jsonl").write_bytes(gzip.compress(b" " * (2 << 20)))
    with pytest.raises(TaskFileError, match="has a line of more than 1 MiB"):
        SampleFile(samples, load("jsonl", written(tmp_path, TASK)))


def test_a_pipe_and_a_device_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        assert complaint("jsonl", path) == f"{path}: is no regular file, and is read more than once"


def test_a_pipe_among_programs_is_not_waited_for(tmp_path: Path) -> None:
    (folder := tmp_path / "samples" / "a_1").mkdir(parents=True)
    os.mkfifo(folder / "0.py")
    with pytest.raises(TaskFileError, match=r"0\.py is no file"):
        SampleFile(tmp_path / "samples", load("jsonl", written(tmp_path, TASK)))


@pytest.mark.parametrize("task_id", ["a/\x1b[2J", "a/\n", "\ud800", "a/\u202e"])
def test_an_id_that_a_terminal_would_obey_or_can_t_show_is_refused(tmp_path: Path, task_id: str) -> None:
    told = complaint("jsonl", written(tmp_path, TASK | {"task_id": task_id}))
    assert told.isprintable() and "field 'task_id': must be printable" in told


@pytest.mark.parametrize("row", [MBPP | {"task_id": "9" * 5000}, {"x" * 5000: 1}])
def test_a_complaint_is_short_whatever_the_file_holds(tmp_path: Path, row: dict[str, Any]) -> None:
    assert len(complaint("mbpp", written(tmp_path, row))) < len(str(tmp_path)) + 500


@pytest.mark.parametrize(
    ("formula", "given"),
    [
        ("choose(n0,n1)", [10_000.0, 5_000.0]),
        ("lcm(n0,n1)", [1e308, 1.1e307]),
        (f"add(n{'9' * 5000},n0)", [1.0]),
        ("add(n0,n0)", [1.0, float("inf")]),
    ],
)
def test_numbers_that_no_program_can_hold_make_no_task(formula: str, given: list[float]) -> None:
    with pytest.raises(FormulaError):
        solve(formula, given)
