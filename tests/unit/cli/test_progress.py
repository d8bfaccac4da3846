"""What is said while progress is shown doesn't run into its bars."""

import os
import sys

import pytest

from trialbox.cli._progress import note, run_progress


def test_a_note_stands_in_a_line_of_its_own_above_the_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal, end = os.openpty()
    with os.fdopen(end, "w") as stderr, os.fdopen(terminal, "rb") as shown:
        monkeypatch.setattr(sys, "stderr", stderr)
        with run_progress():
            note("it is tried again")
        written = os.read(shown.fileno(), 1 << 16).decode()
    # Between the line above, wiped, and the bars, drawn anew.
    assert "\x1b[2Ktrialbox: it is tried again\r\n" in written


def test_a_note_is_all_that_is_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with run_progress():
        note("it is tried again")
    assert capsys.readouterr().err == "trialbox: it is tried again\n"
