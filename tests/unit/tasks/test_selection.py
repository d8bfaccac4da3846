"""Tasks are chosen by id, number, range or part, and data sets by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from trialbox.client import Check, Suite
from trialbox.synthesis.tasks import MBPP_SPLITS, SampleFile, SelectionError, Task, TaskSet, load, select

SUITE = Suite([Check("assert True")])


def tasks(*ids: str) -> list[Task]:
    return [Task(task_id=task_id, prompt="", reference="", suite=SUITE) for task_id in ids]


MBPP = tasks("Mbpp/12", "Mbpp/2", "Mbpp/9")


@pytest.mark.parametrize(
    ("ids", "chosen"),
    [
        ([], []),
        (["Mbpp/9", "Mbpp/12"], ["Mbpp/12", "Mbpp/9"]),
        (["mbpp/2", 2, "2", " 2 "], ["Mbpp/2"]),
        (["2-10"], ["Mbpp/2", "Mbpp/9"]),
        (["12-12", "9"], ["Mbpp/12", "Mbpp/9"]),
    ],
)
def test_chosen_tasks_come_in_their_own_order_each_once(ids: list[str | int], chosen: list[str]) -> None:
    assert [task.task_id for task in select(MBPP, ids)] == chosen


@pytest.mark.parametrize("name", ["3", "HumanEval/2", "", "3-8", "2-", "-2", "x"])
def test_an_id_that_no_task_has_is_refused(name: str) -> None:
    with pytest.raises(SelectionError, match=f"no task has the id {name!r}; the first one's is 'Mbpp/12'"):
        select(MBPP, ["2", name])


def test_a_range_from_the_higher_number_to_the_lower_is_refused() -> None:
    with pytest.raises(SelectionError, match="the range '9-2' ends before it begins"):
        select(MBPP, ["9-2"])


def test_thousands_of_digits_are_no_number() -> None:
    digits = "9" * 5000
    with pytest.raises(SelectionError, match="no task has the id"):
        select(MBPP, [f"1-{digits}"])
    assert [task.task_id for task in select(tasks(f"own/{digits}", "own/2"), ["1-3"])] == ["own/2"]


def test_a_number_that_is_two_tasks_of_different_sets_is_no_id(tmp_path: Path) -> None:
    mixed = tasks("a/1", "b/1", "b/2", "1")
    assert [task.task_id for task in select(mixed, ["b/1", "2"])] == ["b/1", "b/2"]
    # One task's whole id goes before what others are called in short.
    assert [task.task_id for task in select(mixed, ["1"])] == ["1"]
    with pytest.raises(SelectionError):
        select(mixed[:3], ["1"])
    (tmp_path / "samples.jsonl").write_text(json.dumps({"task_id": "b/1", "solution": "x"}))
    (sample,) = SampleFile(tmp_path / "samples.jsonl", mixed)
    assert sample.task.task_id == "b/1"


def test_there_is_a_name_for_every_data_set() -> None:
    assert [*TaskSet] == ["mbpp", "mbpp+", "humaneval", "humaneval+", "mathqa", "jsonl"]


@pytest.mark.parametrize(
    ("name", "split", "complaint"),
    [
        ("mbbp", None, "no data set is called 'mbbp'; there are mbpp, mbpp+, humaneval, humaneval+, mathqa, jsonl"),
        ("mbpp", "dev", "mbpp has no part 'dev'; its parts are prompt, test, validation, train"),
        ("humaneval", "test", "humaneval has no part 'test'; it has no parts"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_read(name: str, split: str | None, complaint: str) -> None:
    with pytest.raises(SelectionError) as raised:
        load(name, "nowhere.jsonl", split=split)
    assert str(raised.value) == complaint


def test_a_data_set_of_ones_own_is_loaded_by_name(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps({"task_id": i, "prompt": "", "asserts": [""]}) + "\n" for i in range(5)))
    assert [task.task_id for task in load("jsonl", path, ids=["1-2", 4])] == ["1", "2", "4"]
    assert len(load(TaskSet.JSONL, str(path))) == 5


def test_the_first_tasks_are_taken_of_those_chosen(tmp_path: Path) -> None:
    path = tmp_path / "mbpp.jsonl"
    rows = [
        {"task_id": n, "text": "", "code": "", "test_list": ["assert f()"], "test_setup_code": ""}
        for n in (12, 9, 11, 13)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def taken(**chosen: Any) -> list[str]:
        return [task.task_id.removeprefix("Mbpp/") for task in load("mbpp", path, **chosen)]

    assert taken(limit=2) == ["12", "9"]
    assert taken(limit=9) == ["12", "9", "11", "13"]
    assert taken(split="test", limit=2) == ["12", "11"]
    assert taken(split="test", ids=["13", "11"]) == ["11", "13"]
    assert taken(split="test", ids=["13", "11"], limit=1) == ["11"]
    with pytest.raises(SelectionError, match=r"^mbpp: no task has the id '10'; the first one's is 'Mbpp/12'$"):
        taken(ids=["9", "10"])
    with pytest.raises(
        SelectionError, match=r"^mbpp, part test: no task has the id '9'; the first one's is 'Mbpp/12'$"
    ):
        taken(split="test", ids=["9"])
    with pytest.raises(SelectionError, match=r"^limit must be 1 or more, not 0$"):
        taken(limit=0)


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("name", "file", "counts"),
    [
        ("mbpp", "mbpp.jsonl", [10, 500, 90, 374]),
        ("mbpp", "sanitized-mbpp.json", [7, 257, 43, 120]),
        ("mbpp+", "MbppPlus.jsonl.gz", None),
    ],
)
def test_the_parts_of_mbpp_are_those_of_the_paper(
    data_folder: Path, name: str, file: str, counts: list[int] | None
) -> None:
    parts = [load(name, data_folder / file, split=split) for split in MBPP_SPLITS]
    whole = load(name, data_folder / file)
    assert sorted(task.task_id for part in parts for task in part) == sorted(task.task_id for task in whole)
    if counts is not None:
        assert [len(part) for part in parts] == counts
