"""Opens the sandbox that a command's options name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from trialbox.cli._exits import ExitStatus, leave
from trialbox.client import InvalidRequestError, IsolationPath, Sandbox, SandboxError, UnavailableError

ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="ADDRESS", help="A running service; left out, a private one is started."),
]
IsolationOption = Annotated[
    IsolationPath | None,
    typer.Option(help="A jail of its own (cold), or a fresh process in one kept ready (warm, the default)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]


@contextmanager
def open_sandbox(server: str | None) -> Iterator[Sandbox]:
    """Use the service at `server`, or an embedded one; ends the command when the sandbox fails or refuses."""
    try:
        with Sandbox(server) if server is not None else Sandbox.local() as box:
            yield box
    except InvalidRequestError as error:
        leave(str(error), ExitStatus.USAGE)
    except UnavailableError as error:
        hint = f" (does a server listen on {server}? unix:PATH or HOST:PORT is wanted)" if server is not None else ""
        leave(f"{error}{hint}", ExitStatus.INFRASTRUCTURE)
    except SandboxError as error:
        leave(str(error), ExitStatus.INFRASTRUCTURE)
