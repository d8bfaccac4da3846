"""Opens the sandbox that a command's options name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from trialbox.cli._exits import ExitStatus, leave
from trialbox.client import InvalidRequestError, IsolationPath, Sandbox, SandboxError

ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="ADDRESS", help="A running service; left out, a private one is started."),
]
IsolationOption = Annotated[
    IsolationPath | None,
    typer.Option(help="A jail of its own (cold), or a fresh process in one kept ready (warm, the default)."),
]
_USERS_OWN_FAULTS = ("LOCAL_SERVER_BAD_SETTINGS", "LOCAL_SERVER_NOT_INSTALLED")
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]


@contextmanager
def open_sandbox(server: str | None) -> Iterator[Sandbox]:
    """Use the service at `server`, or an embedded one; ends the command when the sandbox fails or refuses."""
    try:
        with Sandbox(server) if server is not None else Sandbox.local() as box:
            if server is not None:
                box.server_info()  # so that a server that stops later is told from one that was never there
            yield box
    except SandboxError as error:
        leave(str(error), status_of(error))


def status_of(error: SandboxError) -> ExitStatus:
    """Whose fault it is: the user's, or the sandbox's."""
    if isinstance(error, InvalidRequestError) or error.reason in _USERS_OWN_FAULTS:
        return ExitStatus.USAGE
    return ExitStatus.INFRASTRUCTURE
