"""Shows how far a run has come: samples, programs graded, how fast, how many passed, and how long it will take."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from trialbox.synthesis.pipeline import Progress as RunProgress

# Speed and time left are of this much of the past: the first samples of a model take longer.
_SPEED_SECONDS = 60.0
# Where bars can't be drawn.
_LINE_SECONDS = 30.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """So many a second."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


@contextmanager
def run_progress(*, grades: bool) -> Iterator[Callable[[RunProgress], None]]:
    """Show a run's progress on standard error, that of its grading if it `grades`; what it yields is told of each step.

    On a terminal bars move; elsewhere, as in a job's log, a line is written now and then.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(grades)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        _Rate(),
        TextColumn("{task.fields[more]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, speed_estimate_period=_SPEED_SECONDS) as bars:
        sampling = bars.add_task("Samples", total=None, done="", more="")
        grading = bars.add_task("Programs", total=None, done="", more="", visible=grades)
        seen = False

        def show(progress: RunProgress) -> None:
            nonlocal seen
            if not seen:
                # What was there before counts as done, and not for the speed.
                seen = True
                bars.reset(sampling, completed=progress.samples)
                bars.reset(grading, completed=progress.graded)
            bars.update(
                sampling,
                completed=progress.samples,
                total=progress.samples_wanted,
                done=f"{progress.samples}/{progress.samples_wanted}",
            )
            bars.update(
                grading,
                completed=progress.graded,
                total=_expected_programs(progress),
                done=f"{progress.graded}/{progress.programs}",
                more=_passed(progress),
            )

        yield show


def _lines(grades: bool) -> Callable[[RunProgress], None]:
    written = time.monotonic()

    def write(progress: RunProgress) -> None:
        nonlocal written
        if time.monotonic() - written >= _LINE_SECONDS:
            written = time.monotonic()
            graded = f"{progress.graded} of {progress.programs} programs graded"
            parts = (graded, _passed(progress)) if grades else ()
            note(", ".join(filter(None, (f"{progress.samples} of {progress.samples_wanted} samples", *parts))))

    return write


def _passed(progress: RunProgress) -> str:
    return f"{progress.passed / progress.graded:.1%} passed" if progress.graded else ""


def note(text: str) -> None:
    """Say something on standard error, above the bars where they are shown."""
    # While they are, rich stands in this place; what typer writes goes past it, and into the bars.
    sys.stderr.write(f"trialbox: {text}\n")


def _expected_programs(progress: RunProgress) -> float | None:
    """How many different programs there will be, if they go on coming as they have."""
    if not progress.samples:
        return None
    return progress.programs * max(progress.samples_wanted, progress.samples) / progress.samples
