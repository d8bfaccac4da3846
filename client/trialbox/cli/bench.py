"""`trialbox bench`: what isolation costs on this machine."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from trialbox.bench import report
from trialbox.bench.measure import measure, steps
from trialbox.bench.programs import MeasurementError
from trialbox.cli._exits import ExitStatus, leave
from trialbox.cli._sandbox import JsonOption, status_of
from trialbox.cli._show import print_json, progress
from trialbox.client import SandboxError
from trialbox.synthesis.tasks import TaskFileError, load_mbpp, references


def command(
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured, in turns.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.01, max=60, help="How long each kind runs in each round.")] = 1.0,
    mbpp: Annotated[
        Path | None, typer.Option(metavar="FILE", help="MBPP's data file: grade its references too, and time that.")
    ] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Slots of the service. Default: one a processor.")] = None,
    json: JsonOption = False,
) -> None:
    """Measure an embedded service against a bare fork and a bare nsjail, in turns, in one run.

    A run takes about a minute, of a machine that should have nothing else to do.
    It is no test: the exit status is 0 whatever the ratios are.
    The load comes from this process, by an AsyncSandbox, on the processors that are measured: its CPU time counts.
    """
    try:
        programs = references(load_mbpp(mbpp)) if mbpp is not None else []
    except (TaskFileError, OSError) as error:
        leave(str(error), ExitStatus.USAGE)
    try:
        with progress("Measuring", steps(rounds)) as advance:
            findings = asyncio.run(
                measure(
                    rounds=rounds,
                    seconds=seconds,
                    slots=slots,
                    references=programs,
                    advance=advance,
                )
            )
    except SandboxError as error:
        leave(str(error), status_of(error))
    except MeasurementError as error:
        leave(str(error), ExitStatus.INFRASTRUCTURE)
    if json:
        print_json(report.document(findings))
    else:
        report.show(findings)
