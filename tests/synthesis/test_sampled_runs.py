"""`trialbox sample` with a real model: killed at any point and gone on with, it comes to what it would have anyway."""

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import hosts
import pytest
import small_model
from stopped_runs import results, samples, stopped, trialbox

TASKS, SAMPLES = 6, 8


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with hosts.serving({"SLOTS": "2"}) as server:
        yield server.address


@pytest.fixture
def options(address: str, tmp_path: Path) -> list[str]:
    data = small_model.write_tasks(tmp_path / "tasks.jsonl", small_model.tasks("test", TASKS))
    named = {
        "model": small_model.path(),
        "tasks": "mbpp",
        "data": data,
        "shots": 0,
        "samples": SAMPLES,
        "temperature": 0.5,
        "max-tokens": 60,
        "batch-size": 4,
        "server": address,
    }
    pairs = [(f"--{name}", str(value)) for name, value in named.items()]
    return ["sample", *(word for pair in pairs for word in pair)]


def test_a_model_s_run_killed_three_times_comes_to_what_an_undisturbed_one_does(
    options: list[str], tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    completed(options, whole)
    for _ in range(3):
        there = len(samples(cut))
        status, told = stopped(signal.SIGKILL, [*options, "--out", cut, "--resume"], partial(has_more, cut, there))
        assert status == -signal.SIGKILL, told
    assert 0 < len(samples(cut)) < TASKS * SAMPLES
    completed([*options, "--resume"], cut)
    wanted = [(row.task_id, row.index, row.seed, row.text, row.tokens) for row in samples(whole)]
    assert len(wanted) == TASKS * SAMPLES
    assert [(row.task_id, row.index, row.seed, row.text, row.tokens) for row in samples(cut)] == wanted
    assert results(cut) == results(whole)
    assert results(cut)["programs"] == TASKS * SAMPLES
    assert 0 < results(cut)["programs_passed"] < TASKS * SAMPLES, "a model of this size solves some"


def completed(options: list[str], out: Path) -> None:
    running = trialbox([*options, "--out", out])
    _, complaints = running.communicate()
    assert running.returncode == 0, complaints.decode()


def has_more(folder: Path, samples_before: int) -> bool:
    return len(samples(folder)) > samples_before
