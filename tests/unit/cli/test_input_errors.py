"""What the commands can't read or write is named in words."""

from pathlib import Path

import pytest
import typer

from trialbox.cli._exits import ExitStatus, leave
from trialbox.cli._runs import telling_of_input


def test_a_file_that_can_t_be_used_is_named_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, telling_of_input():
        tmp_path.read_bytes()
    assert left.value.exit_code == ExitStatus.USAGE
    assert capsys.readouterr().err == f"trialbox: can't use {tmp_path}: Is a directory\n"


def test_what_a_terminal_would_obey_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        leave("can't read \x1b]0;ours\x07 and \ud800", ExitStatus.USAGE)
    assert capsys.readouterr().err == "trialbox: can't read \\x1b]0;ours\\x07 and \\ud800\n"
