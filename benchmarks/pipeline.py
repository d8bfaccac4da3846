"""What the pipeline costs beside `evaluate_many` alone, and what memory `trialbox sample` takes for many programs.

Needs root. The programs are MBPP's own solutions, each with a comment of its own, so that each is executed; they are
recorded samples, so that nothing but the disk limits how fast they come.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from server import Server

from trialbox.client import AsyncSandbox
from trialbox.synthesis.generators.recorded import RecordedSamples
from trialbox.synthesis.pipeline import Grading, Pipeline, Sampling
from trialbox.synthesis.prompts import Prompt
from trialbox.synthesis.store import begin
from trialbox.synthesis.tasks import Task, load

_SLOW = {"Mbpp/123", "Mbpp/599"}
"""Two that compute for seconds, which in short rounds are noise."""


def _sources(tasks: Sequence[Task], each: int, tag: str) -> Iterator[tuple[Task, str]]:
    for task in tasks:
        for index in range(each):
            yield task, f"{task.reference}\n# {tag} {index}\n"


def _recorded(folder: Path, tasks: Sequence[Task], each: int, tag: str) -> Path:
    path = folder / f"{tag}.jsonl"
    with path.open("w") as file:
        for task, source in _sources(tasks, each, tag):
            file.write(json.dumps({"task_id": task.task_id, "solution": source}) + "\n")
    return path


async def _alone(box: AsyncSandbox, tasks: Sequence[Task], each: int, tag: str) -> float:
    began = time.monotonic()
    pairs = ((source, task.suite) for task, source in _sources(tasks, each, tag))
    passed = [evaluation.passed async for evaluation in box.evaluate_many(pairs)]
    _check(len(passed), sum(passed), len(tasks) * each)
    return len(passed) / (time.monotonic() - began)


async def _piped(box: AsyncSandbox, tasks: Sequence[Task], each: int, tag: str) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = Sampling(
            generator=RecordedSamples(_recorded(folder, tasks, each, tag), tasks),
            tasks=tasks,
            prompt=lambda task: Prompt(task_id=task.task_id, content=task.prompt),
            samples=each,
            seed=0,
            temperature=0,
            max_tokens=1,
        )
        with begin(folder, tasks=tasks, fixed={}, grading={}, free={}, resume=False) as store:
            began = time.monotonic()
            await Pipeline(store).run(source, Grading(box=box, tasks=tasks))
            seconds = time.monotonic() - began
            counts = store.counts()
    _check(counts.graded, counts.passed, len(tasks) * each)
    return counts.graded / seconds


def _check(graded: int, passed: int, wanted: int) -> None:
    if not graded == passed == wanted:
        sys.exit(f"of {wanted} programs {graded} were graded and {passed} passed")


async def _rates(address: str, tasks: Sequence[Task], each: int, rounds: int) -> None:
    rates: dict[str, list[float]] = {"evaluate_many": [], "pipeline": []}
    async with AsyncSandbox(address) as box:
        await _alone(box, tasks, 1, "warm-up")
        for number in range(rounds):
            rates["evaluate_many"].append(await _alone(box, tasks, each, f"alone-{number}"))
            rates["pipeline"].append(await _piped(box, tasks, each, f"piped-{number}"))
    for name, found in rates.items():
        told = f"{statistics.median(found):.1f} programs/s ({min(found):.1f} to {max(found):.1f})"
        print(f"{name:14} {told}, {len(tasks) * each} programs, {rounds} rounds")
    ratios = [piped / alone for alone, piped in zip(*rates.values(), strict=True)]
    print(f"pipeline / evaluate_many: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


def _command(address: str, data: Path, tasks: Sequence[Task], each: int) -> None:
    """Run `trialbox sample` on so many recorded samples; tell its time and the most memory it had."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recorded = _recorded(folder, tasks, each, "command")
        command = [sys.executable, "-m", "trialbox.cli", "sample", "--tasks", "mbpp", "--data", data, "--split", "test"]
        command += ["--recorded", recorded, "--samples", str(each), "--out", folder / "run", "--server", address]
        began = time.monotonic()
        # It has no children, as the service isn't its own: what the kernel tells of it is its own.
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"the command ended with {process.returncode}")
        result_bytes = sum(path.stat().st_size for path in (folder / "run").iterdir())
    count = len(tasks) * each
    processor_ms = (usage.ru_utime + usage.ru_stime) / count * 1000
    print(
        f"trialbox sample: {count} programs in {seconds:.0f} s ({count / seconds:.1f}/s), "
        f"{usage.ru_maxrss / 1024:.0f} MiB at most, {processor_ms:.2f} ms of CPU each; "
        f"{result_bytes / (1 << 20):.0f} MiB in its folder"
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="mbpp.jsonl")
    parser.add_argument("--rounds", type=int, default=5, help="0 for none")
    parser.add_argument("--each", type=int, default=1, help="programs of each of 498 tasks in a round")
    parser.add_argument("--samples", type=int, nargs="*", default=[8], help="of each of 500 tasks, by the command")
    options = parser.parse_args()
    tasks = load("mbpp", options.data, split="test")
    server = Server({})
    try:
        if options.rounds:
            quick = [task for task in tasks if task.task_id not in _SLOW]
            asyncio.run(_rates(server.address, quick, options.each, options.rounds))
        for each in options.samples:
            _command(server.address, options.data, tasks, each)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
