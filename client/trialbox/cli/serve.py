"""`trialbox serve`: the service, in this process."""

import json
import os
from typing import Annotated

import typer

from trialbox.cli._exits import ExitStatus, leave
from trialbox.cli._extras import advice


def command(
    address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="HOST:PORT, or unix:/PATH. Default: 127.0.0.1:50051.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="How many programs run at once. Default: one a processor.")
    ] = None,
    queue_size: Annotated[
        int | None, typer.Option(min=0, help="How many requests of a tenant may wait for a slot.")
    ] = None,
    waive: Annotated[
        list[str] | None,
        typer.Option(metavar="LAYER", help="Serve although this isolation layer is missing. May be repeated."),
    ] = None,
) -> None:
    """Serve until interrupted.

    Everything else is set by environment variables that begin with TRIALBOX_; options win over them.
    """
    try:
        from trialbox.server.app import main
    except ModuleNotFoundError as error:
        leave(advice("serving", error, "server"), ExitStatus.USAGE)
    options = {
        "TRIALBOX_ADDRESS": address,
        "TRIALBOX_SLOTS": slots,
        "TRIALBOX_QUEUE_SIZE": queue_size,
        "TRIALBOX_WAIVED_LAYERS": json.dumps(waive) if waive else None,
    }
    os.environ.update({name: str(value) for name, value in options.items() if value is not None})
    raise typer.Exit(main())
