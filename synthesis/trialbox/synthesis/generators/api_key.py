"""Where a service's key comes from: a file, never the command line, which all can read."""

from pathlib import Path

from trialbox.synthesis.generators.generator import GeneratorError


def api_key_from_file(path: Path) -> str:
    """Read the key that is all of a file; raises GeneratorError, which never shows it."""
    try:
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise GeneratorError(f"can't read the API key from {path}: {reason}") from None
    if not key:
        raise GeneratorError(f"the file {path} is to hold an API key, and is empty")
    # It goes into a header; what can't would be shown by the error about it.
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise GeneratorError(f"the file {path} is to hold an API key: ASCII in one line, without spaces")
    return key
