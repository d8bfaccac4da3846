"""Puts the command line together from the commands' modules."""

from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Annotated

import typer

from trialbox.cli._exits import EXIT_HELP

COMMANDS = ("run", "sample", "evaluate", "report", "export", "bench", "serve", "doctor")


def build(arguments: Sequence[str]) -> typer.Typer:
    """Make the application that `arguments` need: of the commands, only the named one is imported."""
    # Plain tracebacks: rich's show the values of local variables, here whole programs.
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback(epilog=EXIT_HELP)(_trialbox)
    named = [name for name in COMMANDS if name in arguments[:1]]
    for name in named or COMMANDS:
        app.command(name, epilog=EXIT_HELP)(import_module(f"trialbox.cli.{name}").command)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(metadata.version("trialbox"))
        raise typer.Exit


def _trialbox(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run programs that nobody trusts, and say truthfully what they did."""
