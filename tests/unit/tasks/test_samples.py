"""Recorded samples find their tasks, whatever form they are in and whatever way their ids are written."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trialbox.client import Check, Suite
from trialbox.synthesis.tasks import SampleFile, Task, TaskFileError, load_mbpp, load_mbpp_plus, references

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
    (sample,) = SampleFile(written({"task_id": task_id, "solution": "one = 1"}), [SECOND, FIRST])
    assert sample.task is FIRST
    assert sample.source == "one = 1"


@pytest.mark.parametrize("task_id", ["HumanEval/11", "HumanEval/3", "", "Mbpp/", "/11", "Mbpp/x"])
def test_an_id_of_no_task_of_the_data_set_is_refused(written: Callable[..., Path], task_id: object) -> None:
    path = written({"task_id": 11, "solution": ""}, {"task_id": task_id, "solution": ""})
    with pytest.raises(TaskFileError) as raised:
        SampleFile(path, [FIRST, SECOND])
    assert f"samples.jsonl, line 2, field 'task_id': no task has the id {str(task_id)!r}" in str(raised.value)


def test_programs_for_other_tasks_of_the_data_set_are_left_out_and_named(written: Callable[..., Path]) -> None:
    rows = [{"task_id": task_id, "solution": ""} for task_id in (3, "Mbpp/11", "mbpp/4", "5")]
    recorded = SampleFile(written(*rows), [FIRST, SECOND])
    assert [sample.task for sample in recorded] == [FIRST]
    assert recorded.other_ids == ["3", "mbpp/4", "5"]


def test_a_file_without_a_program_for_any_task_is_refused(written: Callable[..., Path]) -> None:
    with pytest.raises(TaskFileError, match=r"line 1, field 'task_id': no task has the id '3'; the first one's is"):
        SampleFile(written({"task_id": 3, "solution": ""}, {"task_id": 4, "solution": ""}), [FIRST])


def test_a_completion_goes_on_after_a_prompt_that_is_code(written: Callable[..., Path]) -> None:
    (sample,) = SampleFile(written({"task_id": "HumanEval/2", "completion": "    return 2\n"}), [CODE])
    assert sample.source == "def two():\n    return 2\n"


def test_a_completion_of_a_prompt_in_words_stands_alone(written: Callable[..., Path]) -> None:
    (sample,) = SampleFile(written({"task_id": 2, "completion": "two = 2"}), [FIRST, SECOND])
    assert sample.source == "two = 2"


def test_a_solution_counts_where_a_completion_is_there_too(written: Callable[..., Path]) -> None:
    row = {"task_id": 2, "completion": "    return 2", "solution": "def two():\n    return 2"}
    (sample,) = SampleFile(written(row), [CODE])
    assert sample.source == "def two():\n    return 2"


@pytest.mark.parametrize("row", [{}, {"completion": None}, {"solution": ["a"]}])
def test_a_row_without_a_program_is_refused(written: Callable[..., Path], row: dict[str, object]) -> None:
    with pytest.raises(TaskFileError, match=r"samples\.jsonl, line 1, field '(solution|completion)'"):
        SampleFile(written({"task_id": 2, **row}), [SECOND])


def test_samples_come_in_the_file_s_order_and_are_numbered_by_task(written: Callable[..., Path]) -> None:
    rows = [{"task_id": number, "solution": text} for number, text in [(2, "a"), (11, "b"), (2, "c"), (11, "b")]]
    samples = SampleFile(written(*rows), [FIRST, SECOND])
    assert [(sample.task.task_id, sample.index, sample.source) for sample in samples] == [
        ("Mbpp/2", 0, "a"),
        ("Mbpp/11", 0, "b"),
        ("Mbpp/2", 1, "c"),
        ("Mbpp/11", 1, "b"),
    ]


def test_a_gzipped_file_holds_samples_too(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"task_id": 11, "solution": "one = 1"}'))
    assert [sample.source for sample in SampleFile(path, [FIRST])] == ["one = 1"]


@pytest.fixture
def laid_out(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    def lay_out(files: dict[str, bytes]) -> Path:
        for name, content in files.items():
            path = tmp_path / "samples" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / "samples"

    return lay_out


def test_a_folder_holds_a_folder_for_each_task(laid_out: Callable[..., Path]) -> None:
    programs = {f"Mbpp_11/{number}.py": b"one = %d\r\n" % number for number in (10, 9, 0)}
    folder = laid_out({**programs, "Mbpp_2/0.py": b"", "Mbpp_3/0.py": b"", "eval_results.json": b"", ".git/0.py": b""})
    recorded = SampleFile(folder, [FIRST, SECOND])
    assert [(sample.name, sample.source) for sample in recorded] == [
        ("Mbpp/11", "one = 0\r\n"),
        ("Mbpp/11 #1", "one = 9\r\n"),
        ("Mbpp/11 #2", "one = 10\r\n"),
        ("Mbpp/2", ""),
    ]
    assert recorded.other_ids == ["Mbpp/3"]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"Mbpp_11/first.py": b""}, r"Mbpp_11/first\.py: must have a number for its name, as 0\.py"),
        ({"Mbpp_11/0.py": b"\xff"}, r"Mbpp_11/0\.py: is not UTF-8"),
        ({"tests/0.py": b""}, r"tests/0\.py, field 'task_id': no task has the id 'tests'"),
        ({"0.py": b"", "Mbpp_11/0.txt": b""}, r"samples: holds no programs; they are looked for as Mbpp_11/0\.py"),
    ],
)
def test_a_fault_in_a_folder_names_the_file(laid_out: Callable[..., Path], files: object, complaint: str) -> None:
    with pytest.raises(TaskFileError, match=complaint):
        SampleFile(laid_out(files), [FIRST])


def test_what_can_be_read_only_once_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TaskFileError, match="pipe is no file and no folder: it is read more than once"):
        SampleFile(tmp_path / "pipe", [FIRST])


def test_the_hash_tells_other_programs_and_another_order(written: Callable[..., Path]) -> None:
    rows = [{"task_id": 2, "solution": "a"}, {"task_id": 2, "solution": "b"}]
    others = {
        SampleFile(written(*changed), [FIRST, SECOND]).md5
        for changed in (rows, rows[::-1], rows[:1], [*rows, {"task_id": 11, "solution": "b"}])
    }
    assert len(others) == 4
    as_completions = [{"task_id": "mbpp/2", "completion": row["solution"]} for row in rows]
    assert SampleFile(written(*as_completions), [FIRST, SECOND]).md5 in others


def test_references_are_samples_too() -> None:
    assert [(sample.task, sample.index, sample.source) for sample in references([FIRST, SECOND])] == [
        (FIRST, 0, "one = 1\r\n"),
        (SECOND, 0, "two = 2"),
    ]


@pytest.mark.needs_data
def test_the_published_samples_load_whole(data_folder: Path) -> None:
    tasks = load_mbpp(data_folder / "mbpp.jsonl")
    recorded = SampleFile(data_folder / "samples-mbpp-gpt4.jsonl", tasks)
    assert recorded.count == len({sample.task.task_id for sample in recorded}) == 397
    assert recorded.other_ids == []


@pytest.mark.needs_data
def test_of_the_published_samples_355_are_for_tasks_of_mbpp_plus(data_folder: Path) -> None:
    tasks = load_mbpp_plus(data_folder / "MbppPlus.jsonl.gz")
    recorded = SampleFile(data_folder / "samples-mbpp-gpt4.jsonl", tasks)
    assert (recorded.count, len(recorded.other_ids)) == (355, 42)
