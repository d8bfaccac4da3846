"""Where a service's key comes from: a file or an environment variable, never the command line, which all can read."""

import os
from pathlib import Path

from trialbox.synthesis.generators.generator import GeneratorError


def api_key_from_file(path: Path) -> str:
    """Read the key that is all of a file; raises GeneratorError, which never shows it."""
    try:
        return _checked(path.read_text(), f"the file {path}")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise GeneratorError(f"can't read the API key from {path}: {reason}") from None


def api_key_from_environment(variable: str) -> str:
    """Read the key in an environment variable; raises GeneratorError, which never shows it."""
    if variable not in os.environ:
        raise GeneratorError(f"the environment variable {variable} is to hold an API key, and is not set")
    return _checked(os.environ[variable], f"the environment variable {variable}")


def _checked(text: str, place: str) -> str:
    key = text.strip()
    if not key:
        raise GeneratorError(f"{place} is to hold an API key, and is empty")
    # It goes into a header; what can't would be shown by the error about it.
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise GeneratorError(f"{place} is to hold an API key: ASCII in one line, without spaces")
    return key
