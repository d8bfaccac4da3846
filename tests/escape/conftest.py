"""Every attack runs beside honest programs, which must not notice."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from executions import Run

from trialbox.client import Outcome

_HONEST = """
import os
from pathlib import Path

for folder in ("/work", "/tmp", "/dev/shm"):
    Path(folder, "mine").write_text("{number}")
print([Path(folder, "mine").read_text() for folder in ("/work", "/tmp", "/dev/shm")])
print(sorted(os.listdir("/work")), os.listdir("/tmp"), os.listdir("/dev/shm"))
print(sum(number * number for number in range({number})))
"""
_numbers = itertools.count(1000)


def _run_honest_program(run: Run) -> None:
    number = next(_numbers)
    execution = run(_HONEST.format(number=number))
    expected = (
        f"{[str(number)] * 3}\n"
        "['main.py', 'mine'] ['mine'] ['mine']\n"
        f"{sum(square * square for square in range(number))}\n"
    )
    assert (execution.outcome, execution.stdout, execution.stderr) == (Outcome.SUCCEEDED, expected.encode(), b"")


def _run_honest_programs(run: Run, attack_over: threading.Event) -> None:
    while not attack_over.is_set():
        _run_honest_program(run)


@pytest.fixture(autouse=True)
def _neighbours_are_unharmed(run: Run) -> Iterator[None]:
    attack_over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        neighbour = pool.submit(_run_honest_programs, run, attack_over)
        try:
            yield
        finally:
            attack_over.set()
        neighbour.result()
    _run_honest_program(run)
