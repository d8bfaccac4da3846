"""What people see: rates with their intervals, how far verdicts can be trusted, and what was left out."""

from dataclasses import replace

import pytest
from reports import FAILED, PASSED, plain_task, plus_task, report_of

from trialbox.cli import _report
from trialbox.client import Trust
from trialbox.synthesis.results import Report


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def shown(report: Report, capsys: pytest.CaptureFixture[str]) -> str:
    _report.show(report, "all are in run")
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_base_and_plus_rates_are_shown_with_their_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(report_of((plus_task(1, [1], [2]), [PASSED, FAILED])), capsys)
    assert "base 1 100.0% 100.0% to 100.0% 1 base and plus 1 0.0% 0.0% to 0.0% 1" in text


def test_trust_is_shown_with_every_reason_against_it(capsys: pytest.CaptureFixture[str]) -> None:
    shared = replace(PASSED, trust=Trust.SHARED, shared_reason="the test names\na class")
    text = shown(report_of((plain_task(1, 3), [PASSED, shared, replace(shared, shared_reason="asked for")])), capsys)
    assert "all 1 100.0% 100.0% to 100.0% 1" in text
    assert "1 of 3 verdicts are SEPARATED (33.3%)." in text
    assert "SHARED cases: 1, since the test names a class: Mbpp/1 test_list[1]." in text
    assert "SHARED cases: 1, since asked for: Mbpp/1 test_list[2]." in text


def test_failures_beyond_those_shown_are_counted_and_said_to_be_kept(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(report_of(*((plain_task(number, 1), [FAILED]) for number in range(1, 24))), capsys)
    assert "… and 3 more; all are in run." in text


def test_of_each_task_the_first_failure_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = plain_task(1, 1), plain_task(2, 1)
    text = shown(report_of((first, [PASSED]), (first, [FAILED]), (first, [FAILED]), (second, [FAILED])), capsys)
    assert "Mbpp/1 #1 FAILED" in text and "Mbpp/1 #2" not in text and "Mbpp/2 FAILED" in text
    assert "… and 1 more; all are in run." in text


def test_notes_and_programs_for_other_tasks_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(report_of((plus_task(1, [1], [], note="no extended oracle"), [PASSED])), capsys)
    assert "Mbpp/1: no extended oracle." in text
    assert "Programs left out, for tasks that the file doesn't hold: 1 (Mbpp/99)." in text


def test_a_note_is_text_and_neither_markup_nor_orders_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(report_of((plus_task(1, [1], [], note="[/red] [bold]x[/bold] \x1b[2J"), [PASSED])), capsys)
    assert r"Mbpp/1: [/red] [bold]x[/bold] \x1b[2J." in text
