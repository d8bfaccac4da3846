"""All result files are written at once, over those of an earlier run."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from reports import FAILED, PASSED, plus_task, report_of

from trialbox.synthesis.results import FILES, document, pieces, write

REPORT = report_of((plus_task(1, [1], [2]), [PASSED, FAILED]))


def test_every_file_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    write(REPORT, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert json.loads((folder / "results.json").read_text()) == json.loads("".join(pieces(document(REPORT))))
    lines = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    assert [(line["task_id"], line["sample"], line["case"], line["verdict"]) for line in lines] == [
        ("Mbpp/1", 0, "base/0", "PASSED"),
        ("Mbpp/1", 0, "plus/0", "FAILED"),
    ]
    assert json.loads((folder / "eval_results.json").read_text())["eval"]["Mbpp/1"][0]["plus_status"] == "fail"
    assert len(list(ElementTree.parse(folder / "junit.xml").iter("testcase"))) == 2


def test_a_later_run_writes_over_an_earlier_one(tmp_path: Path) -> None:
    write(REPORT, tmp_path)
    write(report_of((plus_task(1, [1], [2]), [PASSED, PASSED])), tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["passed"] == 1
    assert len((tmp_path / "cases.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_can_t_be_written_leaves_nothing_half_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError):
        write(REPORT, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".new"] == []
