"""Writes the results into a folder."""

import json
from datetime import datetime
from pathlib import Path

from trialbox.synthesis.results.document import case_lines, document
from trialbox.synthesis.results.evalplus import evalplus_document
from trialbox.synthesis.results.junit import junit_document
from trialbox.synthesis.results.report import Report

FILES = ("results.json", "cases.jsonl", "eval_results.json", "junit.xml")
"""The names of what `write` writes: everything, a line for each case, evalplus's shape, JUnit's shape."""


def write(report: Report, folder: Path) -> None:
    """Write all FILES into `folder`, over what is there; raises OSError."""
    results, cases, evalplus, junit = FILES
    folder.mkdir(parents=True, exist_ok=True)
    (folder / results).write_text(json.dumps(document(report), indent=2) + "\n")
    (folder / cases).write_text("".join(f"{json.dumps(line)}\n" for line in case_lines(report)))
    (folder / evalplus).write_text(json.dumps(evalplus_document(report, datetime.now())) + "\n")
    (folder / junit).write_bytes(junit_document(report))
