"""Whole public data sets, graded by the command as a user would."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs_data

_SLOW = {"Mbpp/599", "HumanEval/130"}
"""References that compute for long, or answer megabytes."""


def evaluate(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "trialbox.cli", "evaluate", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("tasks", "name", "count"),
    [("mbpp", "mbpp.jsonl", 974), ("mbpp", "sanitized-mbpp.json", 427), ("humaneval", "HumanEval.jsonl.gz", 164)],
)
def test_every_reference_passes(data_folder: Path, tasks: str, name: str, count: int) -> None:
    status, document = evaluate("--tasks", tasks, "--data", data_folder / name, "--reference")
    assert [result for result in document["results"] if not result["passed"]] == []
    assert (document["tasks"], document["passed"]) == (count, count)
    assert status == 0
    assert document["trust"]["separated_share"] >= 0.97
    assert all(case["reason"] for case in document["trust"]["shared_cases"])


def test_a_busy_machine_changes_no_verdict(data_folder: Path) -> None:
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 1))]
    try:
        # One case takes 2.7 s on an idle machine, most a millisecond.
        data = data_folder / "sanitized-mbpp.json"
        status, document = evaluate("--tasks", "mbpp", "--data", data, "--reference", "--case-seconds", "5")
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    failed = [result["task_id"] for result in document["results"] if not result["passed"]]
    assert (failed, document["passed"]) == ([], 427)
    assert status == 0


@pytest.mark.parametrize(
    ("tasks", "name", "own"),
    [
        # Answers of more than the judge may hold.
        ("mbpp+", "MbppPlus.jsonl.gz", {"Mbpp/255"}),
        # Of the roots that it finds, four are further from zero than EvalPlus allows.
        ("humaneval+", "HumanEvalPlus.jsonl.gz", {"HumanEval/32"}),
    ],
)
def test_every_reference_passes_the_extended_tests(
    data_folder: Path, tasks: str, name: str, own: set[str], tmp_path: Path
) -> None:
    rows = gzip.decompress((data_folder / name).read_bytes()).splitlines()
    # A few of them, evenly: all take minutes.
    chosen = [row for row in rows[::24] if json.loads(row)["task_id"] not in own | _SLOW]
    (tmp_path / "tasks.jsonl").write_bytes(b"\n".join(chosen))
    _, document = evaluate("--tasks", tasks, "--data", tmp_path / "tasks.jsonl", "--reference")
    assert [result["task_id"] for result in document["results"] if not result["passed"]] == []
    assert document["trust"]["separated_share"] == 1.0


def test_recorded_samples_get_the_same_verdicts_twice(data_folder: Path, tmp_path: Path) -> None:
    arguments = ["--tasks", "mbpp", "--data", str(data_folder / "mbpp.jsonl")]
    samples = ["--samples", str(data_folder / "samples-mbpp-gpt4.jsonl")]
    status, first = evaluate(*arguments, *samples, "--out", tmp_path / "first")
    _, second = evaluate(*arguments, *samples, "--out", tmp_path / "second")
    assert status == 1
    assert (first["tasks"], first["programs"], first["tasks_without_program"]) == (397, 397, 974 - 397)
    assert first["verdicts"] == second["verdicts"]
    assert first["verdicts"]["NOT_RUN"] == 0
    assert sum(first["verdicts"].values()) == 3 * 397
    assert verdicts(first) == verdicts(second)
    lines = (tmp_path / "first" / "cases.jsonl").read_text().splitlines()
    assert len(lines) == 3 * 397


def verdicts(document: dict[str, Any]) -> list[tuple[str, int, list[str]]]:
    return [
        (result["task_id"], result["sample"], [case["verdict"] for case in result["cases"]])
        for result in document["results"]
    ]
