"""Recorded samples find their tasks, whatever way their ids are written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from trialbox.client import Check, Suite
from trialbox.synthesis.tasks import Task, TaskFileError, load_mbpp, load_samples, references

SUITE = Suite([Check("assert True")])
FIRST = Task(task_id="Mbpp/11", prompt="Say one.", reference="one = 1\r\n", suite=SUITE)
SECOND = Task(task_id="Mbpp/2", prompt="Say two.", reference="two = 2", suite=SUITE)
CODE = Task(task_id="HumanEval/2", prompt="def two():\n", reference="", suite=SUITE, prompt_is_code=True)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: dict[str, object]) -> Path:
        path = tmp_path / "samples.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


@pytest.mark.parametrize("task_id", [11, "11", "Mbpp/11", "MBPP/11", "mbpp/11"])
def test_an_id_may_be_written_in_any_usual_way(written: Callable[..., Path], task_id: object) -> None:
    (sample,) = load_samples(written({"task_id": task_id, "solution": "one = 1"}), [SECOND, FIRST])
    assert sample.task is FIRST
    assert sample.source == "one = 1"


@pytest.mark.parametrize("task_id", [3, "Mbpp/3", "HumanEval/11", "", "Mbpp/", "/11"])
def test_an_id_without_a_task_is_refused(written: Callable[..., Path], task_id: object) -> None:
    path = written({"task_id": 11, "solution": ""}, {"task_id": task_id, "solution": ""})
    with pytest.raises(TaskFileError) as raised:
        load_samples(path, [FIRST, SECOND])
    assert f"samples.jsonl, line 2, field 'task_id': no task has the id {str(task_id)!r}" in str(raised.value)


def test_a_completion_goes_on_after_a_prompt_that_is_code(written: Callable[..., Path]) -> None:
    (sample,) = load_samples(written({"task_id": "HumanEval/2", "completion": "    return 2\n"}), [CODE])
    assert sample.source == "def two():\n    return 2\n"


def test_a_completion_of_a_prompt_in_words_stands_alone(written: Callable[..., Path]) -> None:
    (sample,) = load_samples(written({"task_id": 2, "completion": "two = 2"}), [FIRST, SECOND])
    assert sample.source == "two = 2"


def test_a_solution_counts_where_a_completion_is_there_too(written: Callable[..., Path]) -> None:
    row = {"task_id": 2, "completion": "    return 2", "solution": "def two():\n    return 2"}
    (sample,) = load_samples(written(row), [CODE])
    assert sample.source == "def two():\n    return 2"


@pytest.mark.parametrize("row", [{}, {"completion": None}, {"solution": ["a"]}])
def test_a_row_without_a_program_is_refused(written: Callable[..., Path], row: dict[str, object]) -> None:
    with pytest.raises(TaskFileError, match=r"samples\.jsonl, line 1, field '(solution|completion)'"):
        load_samples(written({"task_id": 2, **row}), [SECOND])


def test_samples_come_in_the_order_of_the_tasks_and_are_numbered(written: Callable[..., Path]) -> None:
    rows = [{"task_id": number, "solution": text} for number, text in [(2, "a"), (11, "b"), (2, "c"), (11, "b")]]
    samples = load_samples(written(*rows), [FIRST, SECOND])
    assert [(sample.task.task_id, sample.index, sample.source) for sample in samples] == [
        ("Mbpp/11", 0, "b"),
        ("Mbpp/11", 1, "b"),
        ("Mbpp/2", 0, "a"),
        ("Mbpp/2", 1, "c"),
    ]


def test_references_are_samples_too() -> None:
    assert [(sample.task, sample.index, sample.source) for sample in references([FIRST, SECOND])] == [
        (FIRST, 0, "one = 1\r\n"),
        (SECOND, 0, "two = 2"),
    ]


@pytest.mark.needs_data
def test_the_published_samples_load_whole(data_folder: Path) -> None:
    tasks = load_mbpp(data_folder / "mbpp.jsonl")
    samples = load_samples(data_folder / "samples-mbpp-gpt4.jsonl", tasks)
    assert len(samples) == 397
    assert len({sample.task.task_id for sample in samples}) == 397
