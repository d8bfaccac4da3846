"""Whole public data sets, graded by the command as a user would."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs_data


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
    assert all(case["shared_reason"] for case in document["trust"]["shared_cases"])


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
