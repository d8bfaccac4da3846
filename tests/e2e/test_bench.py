"""`trialbox bench`, at its shortest: that everything is measured, not how fast it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trialbox.bench.measure import KINDS

pytestmark = pytest.mark.alone

SHORTEST = ("--rounds", "1", "--seconds", "0.01")


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "trialbox.cli", "bench", *SHORTEST, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False)


def test_everything_is_measured_in_one_run(tmp_path: Path) -> None:
    tasks = tmp_path / "mbpp.jsonl"
    row = {"text": "Say one.", "test_list": ["assert one == 1"], "test_setup_code": ""}
    tasks.write_text(
        "".join(json.dumps({**row, "task_id": number, "code": f"one = {number}"}) + "\n" for number in (1, 2))
    )
    done = bench("--json", "--slots", "2", "--mbpp", tasks)
    assert (done.returncode, done.stderr) == (0, b"")
    document = json.loads(done.stdout)
    assert document["settings"] == {"slots": 2, "rounds": 1, "seconds": 0.01}
    assert list(document["rows"]) == list(KINDS)
    executions = {kind: row["executions"] for kind, row in document["rows"].items()}
    at_least = {"nsjail_alone": 10, "cold_alone": 10, "cold": 2, "unary_4": 4, "unary_16": 16, "unary_64": 64}
    assert all(executions[kind] >= at_least.get(kind, 1) for kind in KINDS), executions
    for kind, measured in document["rows"].items():
        assert len(measured["per_second_of_rounds"]) == 1
        assert measured["per_second"] > 0
        if kind != "batch":
            assert 0 < measured["p50_seconds"] <= measured["p99_seconds"]
    assert len(document["idle_slots"]) == 2 * (2 + 1), "two that run programs and two that judge, with a spare one each"
    for slot in document["idle_slots"]:
        assert 0 < slot["private_bytes"] <= slot["proportional_bytes"]
    assert (document["mbpp"]["programs"], document["mbpp"]["passed"]) == (2, 1)
    assert len(document["goals"]) == 8


def test_slots_that_the_server_refuses_are_bad_input() -> None:
    done = bench("--json", "--slots", "100000")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"TRIALBOX_SLOTS = '100000'" in done.stderr
