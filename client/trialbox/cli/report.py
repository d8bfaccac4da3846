"""`trialbox report`: what a run came to, as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from trialbox.cli._exits import telling_of_writes
from trialbox.cli._runs import telling_of_input
from trialbox.cli._show import mebibytes
from trialbox.synthesis.store import StoredRun

_SUFFIX = ".html"


def command(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run of `trialbox sample`.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here; by default into DIR, as report.html.")
    ] = None,
) -> None:
    """Write a run's report: figures, plots, and every program with its verdicts; one file, which needs no network.

    The main figures lie beside it as JSON. A run that is still going on is shown as it is now.
    """
    path = out or run / f"report{_SUFFIX}"
    if path.suffix != _SUFFIX:
        raise typer.BadParameter(f"--out {path} must end in {_SUFFIX}; the figures go beside it")
    with telling_of_input(), StoredRun(run) as view:
        # Brings packages of an extra.
        from trialbox.synthesis.report import write_report

        with telling_of_writes(path.parent):
            write_report(view, path)
    typer.echo(f"{path}: {mebibytes(path.stat().st_size)}; its figures: {path.with_suffix('.json')}")
