"""Opens the sandbox that a command's options name."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from trialbox.cli._exits import ExitStatus, leave
from trialbox.client import AccessDeniedError, AsyncSandbox, InvalidRequestError, IsolationPath, Sandbox, SandboxError

_Box = TypeVar("_Box", Sandbox, AsyncSandbox)

_ACCESS = "Access to --server"

ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="ADDRESS", help="A running service; left out, a private one is started."),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", rich_help_panel=_ACCESS, help="A file with the token that says who you are."),
]
TlsCaOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=_ACCESS,
        help="Use TLS, and trust the authorities in this PEM file; 'system' for the system's own.",
    ),
]
TlsCertificateOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", rich_help_panel=_ACCESS, help="A PEM file: the certificate that says who you are."),
]
TlsKeyOption = Annotated[
    Path | None, typer.Option(metavar="FILE", rich_help_panel=_ACCESS, help="A PEM file: the certificate's key.")
]
IsolationOption = Annotated[
    IsolationPath | None,
    typer.Option(help="A jail of its own (cold), or a fresh process in one kept ready (warm, the default)."),
]
_USERS_OWN_FAULTS = ("LOCAL_SERVER_BAD_SETTINGS", "LOCAL_SERVER_NOT_INSTALLED")
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]


@dataclass(frozen=True, slots=True)
class Service:
    """Which service to use, and how to get in; all None for a private one. Raises typer.BadParameter."""

    server: str | None
    token_file: Path | None
    tls_ca: str | None
    tls_certificate: Path | None
    tls_key: Path | None

    def __post_init__(self) -> None:
        """Refuse what would have no effect."""
        if self.server is None and (self.token_file or self.tls_ca or self.tls_certificate or self.tls_key):
            raise typer.BadParameter("--token-file and --tls-* are for a running service: give --server too")
        if (self.tls_certificate is None) is not (self.tls_key is None):
            raise typer.BadParameter("--tls-certificate and --tls-key go together")

    def open(self, kind: type[_Box]) -> _Box:
        """Prepare to call it, or start a private one; raises SandboxError, OSError and UnicodeDecodeError."""
        if self.server is None:
            return kind.local()
        return kind(
            self.server,
            token=self.token_file.read_text().strip() if self.token_file else None,
            tls=self.tls_ca == "system" or self.tls_ca or False,
            certificate=(self.tls_certificate, self.tls_key) if self.tls_certificate and self.tls_key else None,
        )


@contextmanager
def open_sandbox(service: Service) -> Iterator[Sandbox]:
    """Use a service; ends the command when it fails or refuses."""
    with _telling():
        with _telling_of_files():
            box = service.open(Sandbox)
        with box:
            if service.server is not None:
                box.server_info()  # so that a server that stops later is told from one that was never there
            yield box


@asynccontextmanager
async def open_async_sandbox(service: Service) -> AsyncIterator[AsyncSandbox]:
    """Do what `open_sandbox` does, for asyncio."""
    with _telling():
        with _telling_of_files():
            box = service.open(AsyncSandbox)
        async with box:
            if service.server is not None:
                with _telling_of_files():
                    await box.server_info()
            yield box


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        leave(str(error), status_of(error))


@contextmanager
def _telling_of_files() -> Iterator[None]:
    try:
        yield
    except SandboxError:  # some are OSErrors too
        raise
    except (OSError, UnicodeDecodeError) as error:
        leave(f"can't read what gives access: {error}", ExitStatus.USAGE)


def status_of(error: SandboxError) -> ExitStatus:
    """Whose fault it is: the user's, or the sandbox's."""
    if isinstance(error, InvalidRequestError | AccessDeniedError) or error.reason in _USERS_OWN_FAULTS:
        return ExitStatus.USAGE
    return ExitStatus.INFRASTRUCTURE
