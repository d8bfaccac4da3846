"""Writes the results into a folder."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from trialbox.synthesis.results.document import case_lines, document
from trialbox.synthesis.results.evalplus import evalplus_document
from trialbox.synthesis.results.junit import junit_document
from trialbox.synthesis.results.report import Graded, Report

FILES = ("results.json", "cases.jsonl", "eval_results.json", "junit.xml")
"""The names of what `write` writes: everything, a line for each case, evalplus's shape, JUnit's shape."""
_RESULTS, CASES, _EVALPLUS, _JUNIT = FILES


@contextmanager
def recording(folder: Path) -> Iterator[Callable[[Graded], None]]:
    """Write the cases of each program into `folder` as soon as it is graded; raises OSError.

    So what has its verdict has it whatever ends the run. The files of an earlier run go first, for they would be taken
    for this one's. `write` then puts the lines in the order of the tasks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    with (folder / CASES).open("w") as file:

        def record(item: Graded) -> None:
            file.write(_lines([item]))
            file.flush()

        yield record


def write(report: Report, folder: Path) -> None:
    """Write all FILES into `folder`, each at once, over what is there; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / _RESULTS, json.dumps(document(report), indent=2) + "\n")
    _replace(folder / CASES, _lines(report.graded))
    _replace(folder / _EVALPLUS, json.dumps(evalplus_document(report, datetime.now())) + "\n")
    _replace(folder / _JUNIT, junit_document(report))


def _lines(graded: Sequence[Graded]) -> str:
    return "".join(f"{json.dumps(line)}\n" for line in case_lines(graded))


def _replace(path: Path, content: str | bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content if isinstance(content, bytes) else content.encode())
    new.replace(path)
