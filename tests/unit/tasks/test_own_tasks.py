"""Tasks of one's own load from rows in a documented format, and what isn't in it is refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.client import Call, Check, Comparator, Comparison, Stdio
from trialbox.synthesis.tasks import TaskFileError, load_own, references
from trialbox.synthesis.tasks.own import __doc__ as own_doc

Write = Callable[..., Path]

WHOLE: dict[str, Any] = {
    "task_id": "sums/1",
    "prompt": "Add numbers.",
    "asserts": ["assert add(1, 2) == 3"],
    "calls": [
        {"arguments": [1, 2], "expected": 3},
        {
            "entry_point": "add_all",
            "arguments": [[0.1, 0.2]],
            "keyword_arguments": {"start": 1},
            "expected": 1.3,
            "comparator": "UNORDERED",
            "relative_tolerance": 0.1,
            "absolute_tolerance": 0,
        },
    ],
    "stdio": [{"stdin": "1 2", "expected": "3"}, {"stdin": "", "expected": "", "comparison": "BYTES"}],
    "setup": "import math",
    "reference": "def add(a, b): return a + b",
    "entry_point": "add",
    "prompt_is_code": False,
    "note": "made up",
}
LEAST = {"task_id": 1, "prompt": "", "asserts": ["assert True"]}


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(*rows: object) -> Path:
        path = tmp_path / "own.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


def test_every_field_has_its_place_in_the_task(written: Write) -> None:
    (task,) = load_own(written(WHOLE))
    assert (task.task_id, task.prompt, task.entry_point, task.note) == ("sums/1", "Add numbers.", "add", "made up")
    assert task.suite.setup == "import math"
    assert task.asserts == ("assert add(1, 2) == 3",)
    assert task.suite.cases == [
        Check("assert add(1, 2) == 3", name="asserts[0]"),
        Call("add", [1, 2], expected=3, name="calls[0]"),
        Call(
            "add_all",
            [[0.1, 0.2]],
            {"start": 1},
            expected=1.3,
            comparator=Comparator.UNORDERED,
            relative_tolerance=0.1,
            absolute_tolerance=0,
            name="calls[1]",
        ),
        Stdio("1 2", "3", name="stdio[0]"),
        Stdio("", "", Comparison.BYTES, "stdio[1]"),
    ]


def test_a_task_needs_an_id_a_prompt_and_a_test_and_no_more(written: Write) -> None:
    (task,) = load_own(written(LEAST))
    assert (task.task_id, task.reference, task.entry_point, task.prompt_is_code) == ("1", None, None, False)


def test_tasks_without_a_reference_have_none_to_grade(written: Write) -> None:
    tasks = load_own(written(LEAST, LEAST | {"task_id": 2, "reference": "x = 1"}))
    assert [sample.task.task_id for sample in references(tasks)] == ["2"]
    with pytest.raises(TaskFileError, match="none of the tasks has a reference"):
        references(tasks[:1])


def test_the_documented_fields_are_those_that_can_be_read(written: Write) -> None:
    with pytest.raises(TaskFileError) as raised:
        load_own(written(LEAST | {"tests": []}))
    allowed = str(raised.value).rpartition("is none of ")[2].split(", ")
    assert own_doc is not None
    documented = [line.split("`")[1] for line in own_doc.splitlines() if line.startswith("| `")]
    assert sorted(allowed) == sorted(documented) == sorted(WHOLE)


def call(**fields: object) -> dict[str, object]:
    return LEAST | {"calls": [{"entry_point": "f", "arguments": [], "expected": None}, fields]}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (
            LEAST | {"assert": []},
            "field 'assert': is none of task_id, prompt, asserts, calls, stdio, setup, reference,",
        ),
        ({"prompt": "", "asserts": [""]}, "field 'task_id': is missing"),
        (LEAST | {"task_id": " "}, "field 'task_id': must not be empty"),
        ({"task_id": 1, "asserts": [""]}, "field 'prompt': is missing"),
        ({"task_id": 1, "prompt": "", "calls": []}, "field 'asserts': holds no tests, nor do calls and stdio"),
        (LEAST | {"asserts": [1]}, "field 'asserts[0]': must be a string, not a number"),
        (LEAST | {"calls": {}}, "field 'calls': must be a list of objects, not an object"),
        (LEAST | {"calls": [[]]}, "field 'calls[0]': must be an object, not a list"),
        (LEAST | {"reference": None}, "field 'reference': must be a string, not null"),
        (LEAST | {"entry_point": "f()"}, "field 'entry_point': must be a function's name, not 'f()'"),
        (LEAST | {"prompt_is_code": "yes"}, "field 'prompt_is_code': must be true or false, not a string"),
        (call(arguments=[], expected=1), "field 'calls[1].entry_point': is missing"),
        (call(entry_point="f", arguments=[], expect=1), "field 'calls[1].expect': is none of entry_point, arguments,"),
        (call(entry_point="f", arguments=1, expected=1), "field 'calls[1].arguments': must be a list, not a number"),
        (call(entry_point="f", arguments=[]), "field 'calls[1].expected': is missing"),
        (
            call(entry_point="f", arguments=[], expected=1, keyword_arguments=[]),
            "field 'calls[1].keyword_arguments': must be an object, not a list",
        ),
        (
            call(entry_point="f", arguments=[], expected=1, comparator="equal"),
            "field 'calls[1].comparator': must be one of EQUAL, UNORDERED, EVALPLUS,",
        ),
        (
            call(entry_point="f", arguments=[], expected=1, relative_tolerance=-1),
            "field 'calls[1].relative_tolerance': must be a finite number that isn't negative, not -1",
        ),
        (
            LEAST | {"stdio": [{"stdin": "", "expected": 1}]},
            "field 'stdio[0].expected': must be a string, not a number",
        ),
        (
            LEAST | {"stdio": [{"stdin": "", "expected": "", "comparison": "?"}]},
            "field 'stdio[0].comparison': must be one of LINES, BYTES, TOKENS, not '?'",
        ),
    ],
)
def test_a_fault_names_file_line_and_field(written: Write, row: object, complaint: str) -> None:
    with pytest.raises(TaskFileError) as raised:
        load_own(written(LEAST | {"task_id": "first"}, row))
    assert f"own.jsonl, line 2, {complaint}" in str(raised.value)


def test_ids_that_differ_in_case_only_are_refused(written: Write) -> None:
    with pytest.raises(TaskFileError, match="line 2, field 'task_id': A is there twice"):
        load_own(written(LEAST | {"task_id": "a"}, LEAST | {"task_id": "A"}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda items: st.lists(items) | st.dictionaries(st.sampled_from(list(WHOLE)) | st.text(), items),
    max_leaves=8,
)


@given(row=st.dictionaries(st.sampled_from([*WHOLE, "other"]), JSON))
def test_any_row_is_a_task_or_is_refused_by_field(
    row: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text(json.dumps(LEAST | row))
    try:
        (task,) = load_own(path)
    except TaskFileError as error:
        assert str(error).startswith(f"{path}, line 1, field '")
        return
    assert task.suite.cases
