"""Commands that are stopped on their way, and what they leave in their run's folder."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hosts

from trialbox.synthesis.store import SampleRow, StoredRun, StoreError


def trialbox(arguments: Sequence[str | Path]) -> subprocess.Popen[bytes]:
    """Start the command."""
    command = [sys.executable, "-m", "trialbox.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def stopped(
    number: signal.Signals, arguments: Sequence[str | Path], reached: Callable[[], object], *, seconds: float = 120
) -> tuple[int, str]:
    """Send a signal to the command once it has reached something; returns its exit status and complaints."""
    running = trialbox(arguments)
    try:
        hosts.eventually(lambda: running.poll() is not None or reached(), "it is to be stopped there", seconds=seconds)
        assert running.poll() is None, running.communicate()
        running.send_signal(number)
        _, complaints = running.communicate(timeout=seconds)
        return running.returncode, complaints.decode()
    finally:
        running.kill()
        running.communicate()


def samples(folder: Path) -> list[SampleRow]:
    """All samples of a run; none where it has not begun."""
    try:
        with StoredRun(folder) as run:
            return list(run.samples())
    except StoreError:
        return []


def graded(folder: Path) -> list[SampleRow]:
    """The samples of a run that have their verdicts; none where it has not begun."""
    try:
        with StoredRun(folder) as run:
            known = {program.program_id for program in run.programs() if program.evaluation is not None}
            return [row for row in run.samples() if row.program_id is None or row.program_id in known]
    except StoreError:
        return []


def results(folder: Path) -> dict[str, Any]:
    """A run's results but for what may differ between two runs."""
    document: dict[str, Any] = json.loads((folder / "results.json").read_text())
    del document["timing"], document["usage"]
    return document
