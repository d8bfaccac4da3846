"""What the exit statuses mean, and the way to leave with one."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

from trialbox.synthesis.one_line import harmless

EXIT_HELP = (
    "Exit status: 0 all is well; 1 a program failed, or a layer of the isolation is off; "
    "2 wrong usage, bad input or settings; 3 the sandbox itself or a model failed; 130 interrupted."
)


class ExitStatus(enum.IntEnum):
    """The same for every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INFRASTRUCTURE = 3


@contextmanager
def telling_of_writes(folder: Path) -> Iterator[None]:
    """Leave where a file in this folder can't be written."""
    try:
        yield
    except OSError as error:
        leave(f"can't write to {error.filename2 or error.filename or folder}: {error.strerror}", ExitStatus.USAGE)


def leave(message: str, status: ExitStatus) -> NoReturn:
    """Say why on standard error and exit."""
    # A path that somebody else's run names may hold what a terminal would obey, or can't show.
    typer.echo(f"trialbox: {harmless(message)}", err=True)
    raise typer.Exit(status)
