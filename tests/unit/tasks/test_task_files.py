"""Task files load as they are, and a fault in one is named by file, line and field."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trialbox.client import Check
from trialbox.synthesis.tasks import Task, TaskFileError, load_humaneval, load_mbpp

Loader = Callable[[Path], list[Task]]

MBPP_ROW = {
    "task_id": 7,
    "text": "Double a number.",
    "code": "def double(n):\r\n\treturn n * 2\r\n",
    "test_list": ["assert double(1) == 2", "assert double(-1) == -2"],
    "test_setup_code": "zero = double(0)",
    "challenge_test_list": ["assert double(10**9) == 2 * 10**9"],
}
SANITIZED_ROW = {
    "task_id": 8,
    "prompt": "Halve a number.",
    "code": "def halve(n):\n  return n / 2",
    "test_imports": ["import math", "import cmath"],
    "test_list": ["assert math.isclose(halve(1), 0.5)"],
}
HUMANEVAL_ROW = {
    "task_id": "HumanEval/3",
    "prompt": 'def triple(n):\n    """Triple a number."""\n',
    "entry_point": "triple",
    "canonical_solution": "    return n * 3\n",
    "test": "def check(candidate):\n    assert candidate(1) == 3\n",
}


def lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(content: bytes, name: str = "tasks.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def test_an_mbpp_task_has_a_check_for_each_assert_and_its_set_up_code(written: Callable[..., Path]) -> None:
    (task,) = load_mbpp(written(lines(MBPP_ROW)))
    assert task.task_id == "Mbpp/7"
    assert task.prompt == "Double a number."
    assert task.suite.cases == [
        Check("assert double(1) == 2", name="test_list[0]"),
        Check("assert double(-1) == -2", name="test_list[1]"),
    ]
    assert task.suite.setup == "zero = double(0)"
    assert task.entry_point is None


def test_line_ends_of_a_reference_are_kept(written: Callable[..., Path]) -> None:
    (task,) = load_mbpp(written(lines(MBPP_ROW)))
    assert task.reference == MBPP_ROW["code"]


def test_challenge_tests_come_last_and_only_when_asked_for(written: Callable[..., Path]) -> None:
    (task,) = load_mbpp(written(lines(MBPP_ROW)), challenge=True)
    assert [case.name for case in task.suite.cases] == ["test_list[0]", "test_list[1]", "challenge_test_list[0]"]


def test_the_imports_of_sanitized_mbpp_become_set_up_code(written: Callable[..., Path]) -> None:
    (task,) = load_mbpp(written(json.dumps([SANITIZED_ROW]).encode(), "sanitized.json"))
    assert (task.task_id, task.prompt) == ("Mbpp/8", "Halve a number.")
    assert task.suite.setup == "import math\nimport cmath"


def test_a_humaneval_reference_is_the_prompt_and_its_canonical_solution(written: Callable[..., Path]) -> None:
    (task,) = load_humaneval(written(lines(HUMANEVAL_ROW)))
    assert task.reference == 'def triple(n):\n    """Triple a number."""\n    return n * 3\n'
    assert task.complete("    return 3") == 'def triple(n):\n    """Triple a number."""\n    return 3'
    assert task.entry_point == "triple"


def test_a_humaneval_task_has_one_check_that_calls_check(written: Callable[..., Path]) -> None:
    (task,) = load_humaneval(written(lines(HUMANEVAL_ROW)))
    (case,) = task.suite.cases
    assert case == Check("def check(candidate):\n    assert candidate(1) == 3\n\n\ncheck(triple)\n", name="check")


def test_gzipped_and_plain_files_load_alike(written: Callable[..., Path]) -> None:
    plain = load_humaneval(written(lines(HUMANEVAL_ROW)))
    assert load_humaneval(written(gzip.compress(lines(HUMANEVAL_ROW)), "tasks.jsonl.gz")) == plain


def test_a_line_separator_inside_a_string_does_not_end_a_line(written: Callable[..., Path]) -> None:
    row = MBPP_ROW | {"text": "one\u2028two\x85three"}
    content = json.dumps(row, ensure_ascii=False).encode() + b"\n\n"
    (task,) = load_mbpp(written(content))
    assert task.prompt == "one\u2028two\x85three"


def test_tasks_keep_the_order_of_the_file(written: Callable[..., Path]) -> None:
    tasks = load_mbpp(written(lines(MBPP_ROW, MBPP_ROW | {"task_id": 2})))
    assert [task.task_id for task in tasks] == ["Mbpp/7", "Mbpp/2"]


def without(row: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != field}


FAULTS: list[tuple[Loader, bytes, str]] = [
    (load_mbpp, b"", "tasks.jsonl: holds no rows"),
    (load_mbpp, b"\n \n", "tasks.jsonl: holds no rows"),
    (load_mbpp, b"[]", "tasks.jsonl: holds no rows"),
    (load_mbpp, b"\xff\xfe", "tasks.jsonl: is not UTF-8"),
    (load_mbpp, gzip.compress(lines(MBPP_ROW), mtime=0)[:-9], "tasks.jsonl: is not a whole gzip file"),
    (load_mbpp, b"\x1f\x8b but no more", "tasks.jsonl: is not a whole gzip file"),
    (load_mbpp, lines(MBPP_ROW) + b"{\n", "tasks.jsonl, line 2: is not JSON"),
    (load_mbpp, b"[{]", "tasks.jsonl: is not JSON"),
    (load_mbpp, b"\n17\n", "tasks.jsonl, line 2: must be an object, not a number"),
    (load_mbpp, b"[null]", "tasks.jsonl, item 1: must be an object, not null"),
    (load_mbpp, lines(without(MBPP_ROW, "code")), "tasks.jsonl, line 1, field 'code': is missing"),
    (load_mbpp, lines(MBPP_ROW | {"code": 3}), "tasks.jsonl, line 1, field 'code': must be a string, not a number"),
    (load_mbpp, lines(MBPP_ROW | {"test_list": "assert"}), "line 1, field 'test_list': must be a list of strings"),
    (load_mbpp, lines(MBPP_ROW | {"test_list": ["", None]}), "field 'test_list[1]': must be a string, not null"),
    (load_mbpp, lines(MBPP_ROW | {"test_list": []}), "field 'test_list': holds no tests"),
    (load_mbpp, lines(MBPP_ROW | {"task_id": True}), "field 'task_id': must be a string or a whole number"),
    (load_mbpp, lines(MBPP_ROW | {"task_id": "x"}), "field 'task_id': must be a whole number, not 'x'"),
    (load_mbpp, lines(MBPP_ROW, MBPP_ROW), "tasks.jsonl, line 2, field 'task_id': Mbpp/7 is there twice"),
    (load_mbpp, json.dumps([without(SANITIZED_ROW, "prompt")]).encode(), "item 1, field 'prompt': is missing"),
    (load_humaneval, lines(MBPP_ROW), "line 1, field 'prompt': is missing"),
    (load_humaneval, lines(HUMANEVAL_ROW | {"entry_point": "a b"}), "'entry_point': must be a function's name"),
    (load_humaneval, lines(HUMANEVAL_ROW, HUMANEVAL_ROW), "'task_id': HumanEval/3 is there twice"),
]


@pytest.mark.parametrize(("load", "content", "complaint"), FAULTS, ids=[complaint for *_, complaint in FAULTS])
def test_a_fault_names_its_place(written: Callable[..., Path], load: Loader, content: bytes, complaint: str) -> None:
    with pytest.raises(TaskFileError) as raised:
        load(written(content))
    assert complaint in str(raised.value)


@pytest.mark.parametrize("package", ["tasks", "prompts"])
def test_loading_tasks_and_making_prompts_needs_nothing_but_the_standard_library_and_the_sdk(
    package: str,
) -> None:
    program = "import sys, trialbox.client; before = set(sys.modules)\n"
    program += f"import trialbox.synthesis.{package}\n"
    program += "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
    program += "print(sorted(new - set(sys.stdlib_module_names)))"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert printed == "['trialbox']\n"


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("load", "name", "count"),
    [
        (load_mbpp, "mbpp.jsonl", 974),
        (load_mbpp, "sanitized-mbpp.json", 427),
        (load_humaneval, "HumanEval.jsonl.gz", 164),
    ],
)
def test_the_published_files_load_whole(data_folder: Path, load: Loader, name: str, count: int) -> None:
    assert len(load(data_folder / name)) == count


@pytest.mark.needs_data
def test_mbpp_is_read_as_it_was_published(data_folder: Path) -> None:
    tasks = load_mbpp(data_folder / "mbpp.jsonl", challenge=True)
    assert sum("\r\n" in (task.reference or "") for task in tasks) == 972
    assert [task.task_id for task in tasks if task.suite.setup] == ["Mbpp/367", "Mbpp/927"]
    names = [case.name for task in tasks for case in task.suite.cases]
    assert sum(name.startswith("challenge_test_list") for name in names) == 16
