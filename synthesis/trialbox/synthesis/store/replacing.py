"""Writes a file at once, over what is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes the place of the one at `path` when all is written, and is gone if not; raises OSError."""
    new = path.with_name(f"{path.name}.new")
    # What a kill left, or a link that somebody put there: it must not be followed.
    new.unlink(missing_ok=True)
    try:
        with new.open("xb") as file:
            yield file
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
