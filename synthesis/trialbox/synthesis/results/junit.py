"""The results as JUnit XML, which continuous integration reads: a suite for each task, a test case for each case."""

import re
from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from trialbox.client import CaseResult, Verdict
from trialbox.synthesis.results.report import Graded, Report

_OUTCOMES = {
    Verdict.FAILED: "failure",
    Verdict.ERROR: "error",
    Verdict.TIMED_OUT: "error",
    Verdict.OUT_OF_MEMORY: "error",
    Verdict.NOT_RUN: "skipped",
}
# What XML 1.0 can't hold in any form; programs write anything.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_document(report: Report) -> bytes:
    """The results as JUnit XML, in the dialect of Jenkins's `junit-10.xsd`."""
    counts = _counts([result for item in report.graded for result in item.evaluation.cases])
    # The dialect counts what was skipped for each suite alone.
    del counts["skipped"]
    root = ElementTree.Element("testsuites", counts, name="trialbox")
    for task_id, items in groupby(report.graded, key=lambda item: item.sample.task.task_id):
        root.append(_suite(task_id, list(items)))
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _suite(task_id: str, items: Sequence[Graded]) -> ElementTree.Element:
    counts = _counts([result for item in items for result in item.evaluation.cases])
    suite = ElementTree.Element("testsuite", counts, name=_writable(task_id))
    for item in items:
        for number, (case, result) in enumerate(item.cases):
            test = ElementTree.SubElement(
                suite,
                "testcase",
                classname=_writable(item.sample.name),
                name=_writable(case.name or f"case {number}"),
                time=_seconds(result.wall_seconds),
            )
            if result.verdict is not Verdict.PASSED:
                outcome = ElementTree.SubElement(test, _OUTCOMES[result.verdict], type=result.verdict)
                outcome.set("message", _writable(result.message))
                outcome.text = _writable(_details(result))
    return suite


def _counts(results: Sequence[CaseResult]) -> dict[str, str]:
    outcomes = [_OUTCOMES.get(result.verdict) for result in results]
    return {
        "tests": str(len(results)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
        "skipped": str(outcomes.count("skipped")),
        "time": _seconds(sum(result.wall_seconds for result in results)),
    }


def _details(result: CaseResult) -> str:
    lines = [f"expected: {result.expected}", f"actual: {result.actual}"] if result.expected or result.actual else []
    return "\n".join([*lines, f"trust: {result.trust}"])


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _writable(text: str) -> str:
    return _UNWRITABLE.sub(lambda match: ascii(match[0])[1:-1], text)
