"""Tasks of one's own: JSON Lines, or a JSON array, of objects with these fields.

| field | what |
|---|---|
| `task_id` | a string or a whole number; no two alike, in whatever case |
| `prompt` | what a model is shown: words, or with `prompt_is_code` how the program begins |
| `asserts` | test code, a list of strings; each is a case, and prompts may show them |
| `calls` | a list of objects: `arguments` (a list), `expected`, and as needed `entry_point` (where the task's own isn't meant), `keyword_arguments` (an object), `comparator`, `relative_tolerance`, `absolute_tolerance` |
| `stdio` | a list of objects: `stdin`, `expected`, and as needed `comparison` |
| `setup` | runs with the tests, after the program has loaded |
| `reference` | a whole program that solves the task |
| `entry_point` | the function that the task asks for |
| `prompt_is_code` | true or false |
| `note` | what readers of the verdicts must know |

`task_id`, `prompt` and at least one case are needed. Comparators and comparisons are called as in the SDK. Arguments and
what is expected are compared as JSON gives them, lists and objects as lists and dicts: for a tuple or a set write an
assert. Other fields are refused, so that none is misspelt and left out.
"""  # noqa: E501  # a table's rows can't be broken

from pathlib import Path

from trialbox.client import Call, Case, Check, Comparator, Comparison, Stdio, Suite
from trialbox.synthesis.tasks.rows import Row
from trialbox.synthesis.tasks.task import Task, load_tasks


def load_own(path: Path) -> list[Task]:
    """Load tasks in the file's order; cases come as asserts, then calls, then stdio.

    Raises TaskFileError, and OSError when the file can't be read.
    """
    return load_tasks(path, _task)


def _task(row: Row) -> Task:
    row.allow(
        *("task_id", "prompt", "asserts", "calls", "stdio", "setup"),
        *("reference", "entry_point", "prompt_is_code", "note"),
    )
    task_id = row.identifier("task_id")
    if not task_id.strip():
        row.fail("task_id", "must not be empty")
    entry_point = row.function_name("entry_point") if "entry_point" in row else None
    asserts = row.texts("asserts") if "asserts" in row else []
    calls = row.rows("calls") if "calls" in row else []
    stdio = row.rows("stdio") if "stdio" in row else []
    cases: list[Case] = [
        *(Check(source, name=f"asserts[{number}]") for number, source in enumerate(asserts)),
        *(_call(item, entry_point, f"calls[{number}]") for number, item in enumerate(calls)),
        *(_stdio(item, f"stdio[{number}]") for number, item in enumerate(stdio)),
    ]
    if not cases:
        row.fail("asserts", "holds no tests, nor do calls and stdio")
    return Task(
        task_id=task_id,
        prompt=row.text("prompt"),
        reference=row.text("reference") if "reference" in row else None,
        suite=Suite(cases, setup=row.text("setup") if "setup" in row else ""),
        entry_point=entry_point,
        prompt_is_code="prompt_is_code" in row and row.truth("prompt_is_code"),
        note=row.text("note") if "note" in row else "",
        asserts=tuple(asserts),
    )


def _call(row: Row, entry_point: str | None, name: str) -> Call:
    row.allow(
        *("entry_point", "arguments", "keyword_arguments", "expected"),
        *("comparator", "relative_tolerance", "absolute_tolerance"),
    )
    if "entry_point" in row or entry_point is None:
        entry_point = row.function_name("entry_point")
    return Call(
        entry_point,
        row.items("arguments"),
        row.mapping("keyword_arguments") if "keyword_arguments" in row else {},
        expected=row.value("expected"),
        comparator=row.one_of(Comparator, "comparator") if "comparator" in row else Comparator.EQUAL,
        relative_tolerance=row.tolerance("relative_tolerance") if "relative_tolerance" in row else None,
        absolute_tolerance=row.tolerance("absolute_tolerance") if "absolute_tolerance" in row else None,
        name=name,
    )


def _stdio(row: Row, name: str) -> Stdio:
    row.allow("stdin", "expected", "comparison")
    comparison = row.one_of(Comparison, "comparison") if "comparison" in row else Comparison.LINES
    return Stdio(row.text("stdin"), row.text("expected"), comparison, name)
