"""A service's key is read from a file, and no error shows it."""

from pathlib import Path

import pytest

from trialbox.synthesis.generators import GeneratorError
from trialbox.synthesis.generators.api_key import api_key_from_file


def test_a_file_holds_the_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-1234\n")
    assert api_key_from_file(path) == "sk-1234"


@pytest.mark.parametrize("content", [b"", b"\n", b"sk-1234\nsk-5678", b"sk 1234", "sk-1234é".encode(), b"\xff1234"])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(GeneratorError) as raised:
        api_key_from_file(path)
    assert str(path) in str(raised.value)
    assert "1234" not in repr(raised.value) and raised.value.__cause__ is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"can't read the API key from .*/nowhere: No such file"):
        api_key_from_file(tmp_path / "nowhere")
