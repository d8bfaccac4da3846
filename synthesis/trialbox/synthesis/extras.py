"""Says what to install where packages of the extra `synthesis` are missing."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra_synthesis(what: str) -> Iterator[None]:
    """Import what is of the extra `synthesis` within this; raises ModuleNotFoundError that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{what} needs {error.name}, which is not installed: "
            "pip install 'trialbox[synthesis]' (in a clone: pip install '.[synthesis]')",
            name=error.name,
        ) from error
