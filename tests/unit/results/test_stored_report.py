"""A run in the store is told of as it is: with answers that hold no program, and programs that came twice."""

import json
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from kept_runs import FAILED, PASSED, TASKS, answer, begun, graded

from trialbox.cli import _report
from trialbox.synthesis.results import document, pieces, share, stored_report, write
from trialbox.synthesis.results.evalplus import evalplus_document
from trialbox.synthesis.store import StoredRun


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with begun(tmp_path, {"data_md5": "abc", "other_ids": ["Mbpp/9"]}) as store:
        store.add([answer("Mbpp/1", 0), answer("Mbpp/1", 1), answer("Mbpp/1", 2, None), answer("Mbpp/2", 0, "two = 2")])
        store.add([answer("Mbpp/2", 1, "not graded = 1")])
        first, second, _ = store.ungraded(0, 3)
        store.grade([graded(first.program_id, PASSED, PASSED), graded(second.program_id, PASSED, FAILED)])
    return tmp_path


def test_the_document_counts_samples_and_sums_up_executions(folder: Path) -> None:
    with StoredRun(folder) as run:
        told = json.loads("".join(pieces(document(stored_report(run, TASKS)))))
    assert (told["tasks"], told["passed"], told["tasks_without_program"]) == (2, 1, 1)
    assert (told["programs"], told["programs_passed"]) == (4, 2)
    assert told["errors"] == {
        **{"syntax": 0, "type": 0, "other runtime": 1, "wrong result": 0, "time-out": 0, "memory": 0},
        "no code": 1,
    }
    assert told["shares"]["tasks_solved"]["estimate"] == 0.5
    assert told["shares"]["programs_passed"]["estimate"] == 0.5
    assert [(task["task_id"], task["programs"], task["passed"]) for task in told["by_task"]] == [
        ("Mbpp/2", 1, 0),
        ("Mbpp/1", 3, 2),
    ]
    assert [(item["task_id"], item["sample"], item["passed"], item["error"]) for item in told["results"]] == [
        ("Mbpp/2", 0, False, "other runtime"),
        ("Mbpp/1", 0, True, None),
        ("Mbpp/1", 1, True, None),
        ("Mbpp/1", 2, False, "no code"),
    ]
    assert told["usage"]["wall_seconds"] == 2 * 0.5, "the program that came twice was executed once"
    assert told["usage"]["peak_memory_bytes"] == 1 << 20
    assert (told["data_md5"], told["programs_of_other_tasks"]) == ("abc", ["Mbpp/9"])


def test_an_answer_without_a_program_fails_in_every_file(folder: Path, tmp_path: Path) -> None:
    with StoredRun(folder) as run:
        report = stored_report(run, TASKS)
        write(report, tmp_path)
        evalplus = json.loads("".join(pieces(evalplus_document(report, datetime.now()))))
    assert [item["base_status"] for item in evalplus["eval"]["Mbpp/1"]] == ["pass", "pass", "fail"]
    assert [item["plus_status"] for item in evalplus["eval"]["Mbpp/1"]] == ["pass", "pass", "fail"]
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("7", "1", "1")
    _, suite = root
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "the answer holds no program"
    assert len((tmp_path / "cases.jsonl").read_text().splitlines()) == 6


def test_people_see_shares_errors_and_tasks(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with StoredRun(folder) as run:
        _report.show(stored_report(run, TASKS), "all are in run")
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Mbpp/1 #2 the answer holds no program" in text
    assert "tasks solved 50.0% 0.0% to 100.0% 2" in text
    assert "Programs that did not pass, by their first error: other runtime 1, no code 1." in text
    assert "Mbpp/2 1 0 Mbpp/1 3 2" in text


def test_a_share_counts_every_program_and_its_interval_holds_it() -> None:
    found = share([(10, 10), (1, 0), (0, 0)])
    assert found is not None
    assert (found.value, found.tasks) == (10 / 11, 2)
    assert found.low <= found.value <= found.high
    assert share([(0, 0)]) is None
