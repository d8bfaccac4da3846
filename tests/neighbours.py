"""Honest programs that run beside others, and must not notice."""

import contextlib
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

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
_PAUSE_SECONDS = 0.05


def run_honest_program(run: Run) -> None:
    """Run one, and assert that it found all as it should be."""
    number = next(_numbers)
    execution = run(_HONEST.format(number=number))
    expected = (
        f"{[str(number)] * 3}\n"
        "['main.py', 'mine'] ['mine'] ['mine']\n"
        f"{sum(square * square for square in range(number))}\n"
    )
    assert (execution.outcome, execution.stdout, execution.stderr) == (Outcome.SUCCEEDED, expected.encode(), b"")


@contextlib.contextmanager
def unharmed(run: Run) -> Iterator[None]:
    """Run them for as long as the context lasts; raises what they found wrong."""
    over = threading.Event()

    def keep_running() -> None:
        while not over.is_set():
            run_honest_program(run)
            over.wait(_PAUSE_SECONDS)  # so that tests which wait leave the processors to others

    with ThreadPoolExecutor(1) as pool:
        neighbour = pool.submit(keep_running)
        try:
            yield
        finally:
            over.set()
        neighbour.result()
