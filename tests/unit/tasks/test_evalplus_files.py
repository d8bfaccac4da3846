"""evalplus's files become calls with the arguments that they stand for, compared as evalplus compares."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trialbox.client import Call, Check, Comparator
from trialbox.synthesis.tasks import Task, TaskFileError, content_md5, load_humaneval_plus, load_mbpp_plus
from trialbox.synthesis.tasks.mbpp_inputs import mbpp_arguments
from trialbox.v1 import values

Loader = Callable[[Path], list[Task]]
Write = Callable[..., Path]

ROW: dict[str, Any] = {
    "task_id": "Mbpp/3",
    "prompt": '"""\nTell whether a number is even.\n"""\n',
    "entry_point": "is_even",
    "canonical_solution": "\ndef is_even(n):\n  return n % 2 == 0\n",
    "base_input": [[1], [2]],
    "plus_input": [[0], [-1], [10**30]],
    "atol": 0,
    "assertion": "\nassert is_even(2)\nassert not is_even(1)\n",
}
HUMANEVAL_ROW = ROW | {"task_id": "HumanEval/3", "prompt": "def is_even(n):\n", "canonical_solution": "    ...\n"}


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(*rows: dict[str, Any]) -> Path:
        path = tmp_path / "tasks.jsonl.gz"
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
        return path

    return write


def calls(task: Task) -> list[Call]:
    return [case for case in task.suite.cases if isinstance(case, Call)]


def test_base_inputs_come_first_and_both_kinds_are_named(written: Write) -> None:
    (task,) = load_mbpp_plus(written(ROW))
    assert [case.name for case in task.suite.cases] == ["base/0", "base/1", "plus/0", "plus/1", "plus/2"]
    assert [case.args for case in calls(task)] == [(1,), (2,), (0,), (-1,), (10**30,)]
    assert task.base_cases == 2


def test_the_oracle_of_every_call_is_the_whole_solution(written: Write) -> None:
    (mbpp,) = load_mbpp_plus(written(ROW))
    assert mbpp.reference == ROW["prompt"] + ROW["canonical_solution"]
    (humaneval,) = load_humaneval_plus(written(HUMANEVAL_ROW))
    assert humaneval.reference == "def is_even(n):\n    ...\n"
    for task in (mbpp, humaneval):
        assert {(case.entry_point, case.oracle) for case in calls(task)} == {("is_even", task.reference)}


def test_a_completion_goes_on_after_the_prompt(written: Write) -> None:
    for task in (*load_mbpp_plus(written(ROW)), *load_humaneval_plus(written(HUMANEVAL_ROW))):
        assert task.complete("    return True") == task.prompt + "    return True"


@pytest.mark.parametrize(("atol", "tolerance"), [(0, None), (1e-4, 1e-4)])
def test_the_tolerance_of_a_task_is_that_of_its_calls(written: Write, atol: float, tolerance: float | None) -> None:
    (task,) = load_mbpp_plus(written(ROW | {"atol": atol}))
    assert {case.absolute_tolerance for case in calls(task)} == {tolerance}
    assert {case.comparator for case in calls(task)} == {Comparator.EVALPLUS}


@pytest.mark.parametrize("task_id", ["Mbpp/164", "Mbpp/295"])
def test_a_task_without_an_extended_oracle_is_graded_by_mbpps_asserts_and_says_so(written: Write, task_id: str) -> None:
    (task,) = load_mbpp_plus(written(ROW | {"task_id": task_id}))
    assert task.suite.cases == [Check(ROW["assertion"], name="base/0")]
    assert (task.base_cases, task.note.partition(":")[0]) == (1, "no extended oracle")


@pytest.mark.parametrize(
    ("task_id", "inputs", "source"),
    [
        ("Mbpp/558", [12, 3456], "assert f(12, 3456) in (4, 15)"),
        ("Mbpp/581", [3, 4], "assert f(3, 4) in (33, 35)"),
    ],
)
def test_a_task_that_reads_two_ways_accepts_both_answers(
    written: Write, task_id: str, inputs: list[int], source: str
) -> None:
    row = ROW | {"task_id": task_id, "entry_point": "f", "base_input": [inputs], "plus_input": []}
    (task,) = load_mbpp_plus(written(row))
    assert task.suite.cases == [Check(source, name="base/0")]


def test_an_empty_object_stands_for_no_inputs(written: Write) -> None:
    (task,) = load_mbpp_plus(written(ROW | {"plus_input": {}}))
    assert (len(task.suite.cases), task.base_cases) == (2, 2)


@pytest.mark.parametrize(
    ("number", "inputs", "arguments"),
    [
        (3, [[1], {"a": [2]}], ([1], {"a": [2]})),
        (2, [[1, [2]], [3]], ((1, [2]), (3,))),
        (63, [[[1, 2], [3]]], ([(1, 2), (3,)],)),
        (75, [[[1], [2]], 3], ([(1,), (2,)], 3)),
        (106, [[1], [2]], ([1], (2,))),
        (115, [[[1, 2], [], {}]], ([{1, 2}, {}, {}],)),
        (124, ["-0.5", "(1-2j)"], (-0.5, 1 - 2j)),
        (250, [[1], [2]], ((1,), [2])),
        (252, ["(-0-1j)"], (complex("-0-1j"),)),
        (259, [[[1], [2]], [[3]]], (((1,), (2,)), ((3,),))),
        (278, [[1, [2, [3]]]], ((1, (2, [3])),)),
        (307, [[1, [2]], 0, [3]], ((1, [2]), 0, [3])),
        (580, [[1, [2, [3]]]], ((1, (2, (3,))),)),
        (722, [{"a": [1, [2]]}, [3]], ({"a": (1, [2])}, [3])),
    ],
)
def test_inputs_become_the_arguments_that_they_stand_for(
    number: int, inputs: list[object], arguments: tuple[object, ...]
) -> None:
    # repr, which tells 1 from True and 0.0 from -0.0.
    assert repr(mbpp_arguments(number, inputs)) == repr(arguments)


FAULTS: list[tuple[Loader, dict[str, Any], str]] = [
    (
        load_mbpp_plus,
        ROW | {"task_id": "HumanEval/3"},
        "'task_id': must be Mbpp/ and a whole number, not 'HumanEval/3'",
    ),
    (load_humaneval_plus, ROW, "'task_id': must be HumanEval/ and a whole number, not 'Mbpp/3'"),
    (load_mbpp_plus, ROW | {"task_id": "Mbpp/"}, "'task_id': must be Mbpp/ and a whole number, not 'Mbpp/'"),
    (load_mbpp_plus, ROW | {"entry_point": "f()"}, "'entry_point': must be a function's name, not 'f()'"),
    (load_mbpp_plus, ROW | {"atol": "0"}, "'atol': must be a number, not a string"),
    (load_mbpp_plus, ROW | {"atol": True}, "'atol': must be a number, not true or false"),
    (load_mbpp_plus, ROW | {"atol": -1}, "'atol': must be a finite number that isn't negative, not -1"),
    (load_mbpp_plus, ROW | {"atol": float("nan")}, "'atol': must be a finite number that isn't negative, not nan"),
    (load_mbpp_plus, ROW | {"base_input": []}, "'base_input': holds no inputs"),
    (load_mbpp_plus, ROW | {"base_input": "1"}, "'base_input': must be a list of lists, not a string"),
    (load_mbpp_plus, ROW | {"plus_input": [[1], 2]}, "'plus_input[1]': must be a list, not a number"),
    (load_mbpp_plus, ROW | {"plus_input": {"a": 1}}, "'plus_input': must be a list of lists, not an object"),
    (load_mbpp_plus, ROW | {"task_id": "Mbpp/2"}, "'base_input[0]': is not as the inputs of this task are: 'int'"),
    (load_mbpp_plus, ROW | {"task_id": "Mbpp/722"}, "'base_input[0]': is not as the inputs of this task are: 'int'"),
    (
        load_mbpp_plus,
        ROW | {"task_id": "Mbpp/106"},
        "'base_input[0]': is not as the inputs of this task are: there are fewer than 2",
    ),
    (
        load_mbpp_plus,
        ROW | {"task_id": "Mbpp/124", "base_input": [["1", "i"]]},
        "'base_input[0]': is not as the inputs of this task are: complex() arg",
    ),
]


@pytest.mark.parametrize(("load", "row", "complaint"), FAULTS, ids=[complaint for *_, complaint in FAULTS])
def test_a_fault_names_its_place(written: Write, load: Loader, row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TaskFileError) as raised:
        load(written(row))
    assert f"tasks.jsonl.gz, line 1, field {complaint}" in str(raised.value)


PUBLISHED = [
    (load_mbpp_plus, "MbppPlus.jsonl.gz", 378, 1174, 41015, "ee43ecabebf20deef4bb776a405ac5b1"),
    (load_humaneval_plus, "HumanEvalPlus.jsonl.gz", 164, 1570, 124253, "fe585eb4df8c88d844eeb463ea4d0302"),
]


@pytest.mark.needs_data
@pytest.mark.parametrize(("load", "name", "count", "base", "cases", "md5"), PUBLISHED)
def test_the_published_files_load_whole(
    data_folder: Path, load: Loader, name: str, count: int, base: int, cases: int, md5: str
) -> None:
    tasks = load(data_folder / name)
    assert len(tasks) == count
    assert sum(task.base_cases or 0 for task in tasks) == base
    assert sum(len(task.suite.cases) for task in tasks) == cases
    assert content_md5(data_folder / name) == md5


@pytest.mark.needs_data
@pytest.mark.parametrize(("load", "name"), [published[:2] for published in PUBLISHED])
def test_every_published_input_can_cross(data_folder: Path, load: Loader, name: str) -> None:
    for task in load(data_folder / name):
        for case in calls(task):
            assert values.decode(values.encode(tuple(case.args))) == case.args


@pytest.mark.needs_data
def test_tasks_of_the_published_files_have_the_comparators_that_evalplus_gives_them(data_folder: Path) -> None:
    tasks = [task for load, name, *_ in PUBLISHED for task in load(data_folder / name)]
    comparators = {task.entry_point: case.comparator for task in tasks for case in calls(task)}
    special: dict[Comparator, set[str | None]] = {
        comparator: {name for name in comparators if comparators[name] is comparator} for comparator in Comparator
    }
    assert special[Comparator.EVALPLUS_SET] == {
        *("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum"),
        *("find_dissimilar", "Diff"),
    }
    assert special[Comparator.EVALPLUS_NOT_NONE] == {"check_str", "text_match_three", "text_starta_endb"}
    assert special[Comparator.EVALPLUS_ROOT] == {"find_zero"}
    checked = Counter(task.entry_point for task in tasks for case in task.suite.cases if isinstance(case, Check))
    assert checked == {"digit_distance_nums": 146, "surface_Area": 106}
    assert special[Comparator.EQUAL] == special[Comparator.UNORDERED] == set()
