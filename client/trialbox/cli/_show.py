"""How results are shown: on a terminal to people, as JSON to programs."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MIB = 1 << 20


def milliseconds(seconds: float) -> str:
    """`12 ms`."""
    return f"{seconds * 1000:.0f} ms"


def mebibytes(size_bytes: int) -> str:
    """`7.5 MiB`."""
    return f"{size_bytes / _MIB:.1f} MiB"


def byte_text(data: bytes) -> str:
    """Put bytes into JSON: those that are not UTF-8 become lone surrogates (Python's `surrogateescape`)."""
    return data.decode("utf-8", "surrogateescape")


def fields(value: "DataclassInstance") -> dict[str, Any]:
    """The fields of a value, by name."""
    return dataclasses.asdict(value)


def print_json(document: dict[str, Any]) -> None:
    """Print the one document that `--json` promises."""
    typer.echo(json.dumps(document, indent=2))


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show progress on standard error when it is a terminal; what it yields is called for each thing done."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
