"""`trialbox doctor`: which layers of the isolation are in force."""

from collections.abc import Sequence
from typing import Protocol

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from trialbox.cli._exits import ExitStatus, leave
from trialbox.cli._extras import advice
from trialbox.cli._sandbox import (
    JsonOption,
    ServerOption,
    Service,
    TlsCaOption,
    TlsCertificateOption,
    TlsKeyOption,
    TokenFileOption,
    open_sandbox,
)
from trialbox.cli._show import print_json

_STYLES = {"on": "green", "waived": "yellow", "off": "bold red"}


class _State(Protocol):
    @property
    def name(self) -> str: ...


class _Layer(Protocol):
    """What the server's own layers and the SDK's have in common."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> _State: ...
    @property
    def evidence(self) -> str: ...
    @property
    def remedy(self) -> str: ...


def command(
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Show each layer of the isolation: on, waived or off, how it was probed, and what to do about it.

    Without --server, this machine is probed, with the settings of the TRIALBOX_ environment variables.
    """
    service = Service(server, token_file, tls_ca, tls_certificate, tls_key)
    if server is None:
        layers = _probe()
    else:
        with open_sandbox(service) as box:
            layers = box.server_info().layers
    rows = [
        {"name": layer.name, "state": layer.state.name.lower(), "evidence": layer.evidence, "remedy": layer.remedy}
        for layer in layers
    ]
    off = [row["name"] for row in rows if row["state"] == "off"]
    if json:
        print_json({"serves": not off, "layers": rows})
    else:
        _print(rows, off)
    raise typer.Exit(ExitStatus.FAILED if off else ExitStatus.OK)


def _probe() -> Sequence[_Layer]:
    try:
        from trialbox.server.doctor import probe_layers
        from trialbox.server.logs import configure_logging
        from trialbox.server.sandbox import CannotServeError
        from trialbox.server.settings import InvalidSettingsError, load
    except ModuleNotFoundError as error:
        needed = advice("probing this machine", error, "server")
        leave(f"{needed}; or name a service: --server ADDRESS", ExitStatus.USAGE)
    try:
        settings = load()
        configure_logging(settings.log_level)
        return probe_layers(settings)
    except InvalidSettingsError as error:
        leave(f"these settings can't be used: {error}", ExitStatus.USAGE)
    except CannotServeError as error:
        leave(str(error), ExitStatus.INFRASTRUCTURE)


def _print(rows: list[dict[str, str]], off: list[str]) -> None:
    table = Table("Layer", "State", Column("Evidence, and what to do", overflow="fold"))
    for row in rows:
        detail = Text(row["evidence"])
        if row["remedy"]:
            detail.append(f"\n→ {row['remedy']}", style="bold")
        table.add_row(Text(row["name"]), Text(row["state"], style=_STYLES.get(row["state"], "")), detail)
    console = Console()
    console.print(table)
    waived = [row["name"] for row in rows if row["state"] == "waived"]
    if off:
        console.print(Text(f"Off, so nothing is served: {', '.join(off)}.", style="bold red"))
    elif waived:
        console.print(Text(f"Missing, and waived by the operator: {', '.join(waived)}.", style="yellow"))
    else:
        console.print("Every layer is on.")
