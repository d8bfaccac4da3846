"""A file of recorded samples answers requests, however its rows are ordered, and is not read further than asked."""

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wanted_samples import answers, request

from trialbox.client import Check, Suite
from trialbox.synthesis.generators import FinishReason, GeneratorError, Request
from trialbox.synthesis.generators.recorded import RecordedSamples
from trialbox.synthesis.tasks import Task
from trialbox.synthesis.tasks.rows import read_rows, stream_rows

SUITE = Suite([Check("assert True")])
TASKS = [Task(task_id=f"Mbpp/{number}", prompt="", reference="", suite=SUITE) for number in (11, 12)]
ORDERS = st.permutations([(task, index) for task in ("Mbpp/11", "Mbpp/12") for index in range(4)])


def written(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def wanted(order: Sequence[tuple[str, int]]) -> list[Request]:
    return [request(task_id=task_id, index=index) for task_id, index in order]


@given(recorded=ORDERS, asked=ORDERS)
async def test_the_nth_row_of_a_task_answers_its_nth_request(
    tmp_path_factory: pytest.TempPathFactory, recorded: list[tuple[str, int]], asked: list[tuple[str, int]]
) -> None:
    rows = [{"task_id": task_id, "solution": f"{task_id}, row {row}"} for row, (task_id, _) in enumerate(recorded)]
    by_task = {
        task_id: [row["solution"] for row in rows if row["task_id"] == task_id] for task_id in ("Mbpp/11", "Mbpp/12")
    }
    path = written(tmp_path_factory.mktemp("recorded") / "samples.jsonl", rows)
    found = await answers(RecordedSamples(path, TASKS), wanted(asked))
    assert [item.text for item in found] == [by_task[task_id][index] for task_id, index in asked]


async def test_ids_and_texts_may_be_written_as_for_evaluate(tmp_path: Path) -> None:
    rows = [
        {"task_id": 11, "completion": "a"},
        {"task_id": "99", "solution": "of no task"},
        {"task_id": "MBPP/11", "solution": "b", "completion": "c"},
    ]
    path = written(tmp_path / "samples.jsonl", rows)
    first, second = await answers(RecordedSamples(path, TASKS), wanted([("Mbpp/11", 0), ("Mbpp/11", 1)]))
    assert (first.text, second.text) == ("a", "b")
    assert (first.finish_reason, first.tokens, first.seconds) == (FinishReason.STOP, None, None)


async def test_more_than_was_recorded_is_an_error_that_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "samples.jsonl", [{"task_id": 11, "solution": "a"}])
    with pytest.raises(GeneratorError, match=r"samples\.jsonl holds 1 samples for Mbpp/11; number 2 is wanted"):
        await answers(RecordedSamples(path, TASKS), wanted([("Mbpp/11", 0), ("Mbpp/11", 1)]))


def test_whether_there_is_enough_is_known_before_anything_is_asked(tmp_path: Path) -> None:
    tasks = [Task(task_id=f"Mbpp/{number}", prompt="", reference="", suite=SUITE) for number in range(11, 18)]
    rows = [
        {"task_id": 11, "solution": "a"},
        {"task_id": "99", "solution": "b"},
        {"task_id": "mbpp/13", "solution": ""},
    ]
    path = written(tmp_path / "samples.jsonl", [*rows, rows[0]])
    assert RecordedSamples(path, tasks[:1]).check(2) == 0
    assert RecordedSamples(path, tasks[:1]).check(1) == 1
    told = "for 1 of 2 tasks: 2 for each are wanted, and there are 1 for Mbpp/13"
    with pytest.raises(GeneratorError, match=rf"samples\.jsonl holds too few samples {told}$"):
        RecordedSamples(path, [tasks[2], tasks[0]]).check(2)
    told = "there are 0 for Mbpp/12, 1 for Mbpp/13, 0 for Mbpp/14 and too few for 3 more"
    with pytest.raises(GeneratorError, match=f"for 6 of 7 tasks: 2 for each are wanted, and {told}$"):
        RecordedSamples(path, tasks).check(2)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", r"samples\.jsonl: holds no rows"),
        (b'{"task_id": 11}', r"samples\.jsonl, line 1, field 'solution': is missing"),
        (b'{"task_id": 12, "solution": ""}\n\n{', r"samples\.jsonl, line 3: is not JSON"),
        (b'{"task_id": 12, "solution": "\xff"}', r"samples\.jsonl: is not UTF-8"),
        (
            gzip.compress(b'{"task_id": 12, "solution": ""}\n' * 9, mtime=0)[:-12],
            r"samples\.jsonl: is not a whole gzip file",
        ),
    ],
)
async def test_a_fault_in_the_file_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_bytes(content)
    with pytest.raises(GeneratorError, match=told):
        await answers(RecordedSamples(path, TASKS), wanted([("Mbpp/11", 0)]))


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"can't read .*/nowhere\.jsonl: No such file"):
        await answers(RecordedSamples(tmp_path / "nowhere.jsonl", TASKS), wanted([("Mbpp/11", 0)]))


async def test_the_file_is_read_no_further_than_it_is_asked(tmp_path: Path) -> None:
    path = written(tmp_path / "samples.jsonl", [{"task_id": 11, "solution": "a"}] * 3 + [{"task_id": None}])
    found = await answers(RecordedSamples(path, TASKS), wanted([("Mbpp/11", index) for index in range(3)]))
    assert [item.text for item in found] == ["a"] * 3


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\n{"a": 2}',
        '\n \n{"a": "\u2028"}\n\n{"a": 2}\n',
        '\ufeff{"a": 1}\r\n{"a": 2}\r\n',
        ' [{"a": 1}, {"a": 2}]',
    ],
)
def test_rows_are_the_same_one_by_one_and_all_at_once(tmp_path: Path, pack: type[bytes], text: str) -> None:
    path = tmp_path / "rows"
    path.write_bytes(pack(text.encode()))
    rows = read_rows(path)
    assert len(rows) == 2
    assert list(stream_rows(path)) == rows


async def test_requests_are_taken_as_they_are_answered(tmp_path: Path) -> None:
    path = written(tmp_path / "samples.jsonl", ({"task_id": 11, "solution": "a"} for _ in range(1000)))
    taken = 0

    def counted() -> Iterable[Request]:
        nonlocal taken
        for index in range(1000):
            taken += 1
            yield request(index=index)

    given_back = 0
    async for batch in RecordedSamples(path, TASKS).generate(counted()):
        given_back += len(batch)
        assert taken == given_back
    assert given_back == 1000
