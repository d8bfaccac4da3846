"""`trialbox export`: a run as a table for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from trialbox.cli._exits import telling_of_writes
from trialbox.cli._runs import telling_of_input
from trialbox.synthesis.store import StoredRun
from trialbox.synthesis.store.parquet import write_parquet


def command(
    run: Annotated[
        Path, typer.Argument(metavar="DIR", help="A run's folder: --out of trialbox sample or trialbox evaluate.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The Parquet file to write.")],
) -> None:
    """Write a run's samples with their verdicts to a Parquet file, a row each."""
    with telling_of_input(), StoredRun(run) as stored, telling_of_writes(file.parent):
        count = write_parquet(stored, file)
    typer.echo(f"{count} samples are in {file}.")
