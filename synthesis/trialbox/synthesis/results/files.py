"""Writes the results into a folder."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from trialbox.synthesis.results.document import case_lines, document
from trialbox.synthesis.results.evalplus import evalplus_document
from trialbox.synthesis.results.json_pieces import pieces
from trialbox.synthesis.results.junit import junit_pieces
from trialbox.synthesis.results.report import Report
from trialbox.synthesis.store.replacing import replacing

FILES = ("results.json", "cases.jsonl", "eval_results.json", "junit.xml")
"""The names of what `write` writes: everything, a line for each case, evalplus's shape, JUnit's shape."""
_RESULTS, _CASES, _EVALPLUS, _JUNIT = FILES


def remove(folder: Path) -> None:
    """Remove all FILES from `folder`: what is there no longer tells of the run. Raises OSError."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def write(report: Report, folder: Path) -> None:
    """Write all FILES into `folder`, each at once, over what is there; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / _RESULTS, _text(pieces(document(report))))
    _replace(folder / _CASES, (f"{json.dumps(line)}\n".encode() for line in case_lines(report.graded)))
    _replace(folder / _EVALPLUS, _text(pieces(evalplus_document(report, datetime.now()))))
    _replace(folder / _JUNIT, junit_pieces(report))


def _text(parts: Iterator[str]) -> Iterator[bytes]:
    for part in parts:
        yield part.encode()
    yield b"\n"


def _replace(path: Path, parts: Iterator[bytes]) -> None:
    with replacing(path) as file:
        file.writelines(parts)
