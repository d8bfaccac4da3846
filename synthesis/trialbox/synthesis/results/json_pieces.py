"""JSON of any length, a piece at a time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Members:
    """An object whose members come one by one."""

    pairs: Iterator[tuple[str, Any]]


def pieces(value: Any) -> Iterator[str]:
    """The text of plain values, of which any may be an iterator, for an array, or Members, for an object.

    What comes one by one stands on a line of its own each.
    """
    if isinstance(value, Iterator):
        yield from _enclosed("[", ([json.dumps(item)] for item in value), "]")
    elif isinstance(value, Members | dict):
        pairs = value.pairs if isinstance(value, Members) else value.items()
        yield from _enclosed("{", (_member(name, member) for name, member in pairs), "}")
    else:
        yield json.dumps(value)


def _member(name: str, value: Any) -> Iterator[str]:
    yield f"{json.dumps(name)}: "
    yield from pieces(value)


def _enclosed(begin: str, items: Iterator[Any], end: str) -> Iterator[str]:
    yield begin
    separator = "\n"
    for item in items:
        yield separator
        yield from item
        separator = ",\n"
    yield "\n" + end
