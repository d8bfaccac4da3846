"""Progress of a run on a terminal: how far, how fast, how many pass so far, how long it will take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from trialbox.synthesis import pipeline


class _Rate(TextColumn):
    """How many a second, of late."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """`12.3/s`."""
        return Text("" if task.speed is None else f"{task.speed:.1f}/s")


@contextmanager
def run_progress(samples: int | None, programs_there: int) -> Iterator[Callable[[pipeline.Progress], None]]:
    """Show how a run goes on; `samples` is how many there are to be, None where none are made."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TextColumn("{task.fields[passing]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        sampling = None if samples is None else bars.add_task("Samples", total=samples, passing="")
        grading = bars.add_task("Programs graded", total=programs_there, passing="")

        def show(progress: pipeline.Progress) -> None:
            if sampling is not None:
                bars.update(sampling, completed=progress.samples)
            share = f"{progress.passed / progress.graded:.1%} pass" if progress.graded else ""
            bars.update(grading, completed=progress.graded, total=progress.programs, passing=share)

        yield show
