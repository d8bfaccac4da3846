"""Progress is shown as bars that nothing runs into, or where there is no terminal as a line now and then."""

import os
import sys
from types import SimpleNamespace

import pytest

from trialbox.cli import _progress
from trialbox.cli._progress import note, run_progress
from trialbox.synthesis.pipeline import Progress


def test_a_note_stands_in_a_line_of_its_own_above_the_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal, end = os.openpty()
    with os.fdopen(end, "w") as stderr, os.fdopen(terminal, "rb") as shown:
        monkeypatch.setattr(sys, "stderr", stderr)
        with run_progress(grades=True):
            note("it is tried again")
        written = os.read(shown.fileno(), 1 << 16).decode()
    # Between the line above, wiped, and the bars, drawn anew.
    assert "\x1b[2Ktrialbox: it is tried again\r\n" in written


def test_a_note_is_all_that_is_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with run_progress(grades=True):
        note("it is tried again")
    assert capsys.readouterr().err == "trialbox: it is tried again\n"


def test_where_there_is_no_terminal_a_line_tells_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with run_progress(grades=True) as show:
        for now[0], samples in ((0.0, 0), (29.0, 64), (31.0, 96), (60.0, 128), (62.0, 160)):
            show(Progress(samples=samples, samples_wanted=160, programs=samples // 2, graded=samples // 4, passed=8))
    assert capsys.readouterr().err.splitlines() == [
        "trialbox: 96 of 160 samples, 24 of 48 programs graded, 33.3% passed",
        "trialbox: 160 of 160 samples, 40 of 80 programs graded, 20.0% passed",
    ]


@pytest.mark.parametrize(("grades", "graded"), [(True, ", 0 of 1 programs graded"), (False, "")])
def test_a_line_tells_no_share_before_a_verdict_and_nothing_of_a_grading_that_is_not_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, grades: bool, graded: str
) -> None:
    monkeypatch.setattr(_progress, "_LINE_SECONDS", 0.0)
    with run_progress(grades=grades) as show:
        show(Progress(samples=1, samples_wanted=2, programs=1, graded=0, passed=0))
    assert capsys.readouterr().err == f"trialbox: 1 of 2 samples{graded}\n"
