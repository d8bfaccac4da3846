"""Tells whether files were replaced while the server runs, as certificates and the tenants' file are."""

from pathlib import Path


def states(*paths: Path | None) -> list[tuple[int, ...]]:
    """Something that differs once one of them is another file, or none."""
    return [_state(path) for path in paths if path is not None]


def _state(path: Path) -> tuple[int, ...]:
    try:
        # Through links: Kubernetes replaces files by turning a link to another folder.
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
