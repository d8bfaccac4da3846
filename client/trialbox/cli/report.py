"""`trialbox report`: what a run came to, as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from trialbox.cli._exits import telling_of_writes
from trialbox.cli._runs import telling_of_input
from trialbox.cli._show import mebibytes
from trialbox.synthesis.store import StoredRun


def command(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run: `--out` of `sample` or `evaluate`.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here; by default into DIR, as report.html.")
    ] = None,
) -> None:
    """Write a run's report: figures, plots, and every program with its verdicts; one file, which needs no network.

    A run that is still going on is shown as it is now. For other programs results.json in DIR has the figures.
    """
    path = out or run / "report.html"
    with telling_of_input(), StoredRun(run) as view:
        from trialbox.synthesis.report import write_report

        with telling_of_writes(path.parent):
            write_report(view, path)
    typer.echo(f"{path}: {mebibytes(path.stat().st_size)}")
