"""Data sets' files by their address on the Hugging Face hub."""

from pathlib import Path

from trialbox.synthesis.tasks.rows import TaskFileError

_SCHEME = "hf://"


def located(source: str | Path) -> Path:
    """Where a file is: a path stands for itself, and `hf://owner/name/file` is fetched, or found in the hub's cache.

    The address names a file of a data set's repository as it is on its main branch; HF_ENDPOINT, HF_HOME and HF_TOKEN
    mean what they mean to the hub's own library, which this needs. Raises TaskFileError.
    """
    if not str(source).startswith(_SCHEME):
        return Path(source)
    owner, name, file = _parts(str(source))
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise TaskFileError(f"{source}: to fetch it, install trialbox[synthesis] ({error})") from error
    try:
        return Path(hf_hub_download(f"{owner}/{name}", file, repo_type="dataset"))
    # What it raises without a network, or for a file that isn't there, are OSErrors, ValueErrors or its own.
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise TaskFileError(f"{source}: can't be fetched: {error}") from error


def _parts(source: str) -> tuple[str, str, str]:
    parts = source.removeprefix(_SCHEME).split("/", 2)
    if len(parts) < 3 or not all(parts):
        raise TaskFileError(f"{source}: must be hf://owner/name/file")
    return parts[0], parts[1], parts[2]
