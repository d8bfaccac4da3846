"""The results as JUnit XML, which continuous integration reads: a suite for each task, a test case for each case."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree import ElementTree

from trialbox.client import CaseResult, Verdict
from trialbox.synthesis.results.graded import Graded
from trialbox.synthesis.results.report import Report
from trialbox.synthesis.store import ErrorClass

_OUTCOMES = {
    Verdict.FAILED: "failure",
    Verdict.ERROR: "error",
    Verdict.TIMED_OUT: "error",
    Verdict.OUT_OF_MEMORY: "error",
    Verdict.NOT_RUN: "skipped",
}
# What XML 1.0 can't hold in any form; programs write anything.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_pieces(report: Report) -> Iterator[bytes]:
    """The results as JUnit XML, in the dialect of Jenkins's `junit-10.xsd`, a task at a time."""
    tally = report.tally
    no_code = tally.errors[ErrorClass.NO_CODE]
    counts = _counts(tally.verdicts, no_code, tally.case_wall_seconds)
    # The dialect counts what was skipped for each suite alone.
    del counts["skipped"]
    attributes = "".join(f' {name}="{value}"' for name, value in counts.items())
    yield f"<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"trialbox\"{attributes}>".encode()
    for task_id, items in groupby(report.graded, key=lambda item: item.sample.task.task_id):
        suite: bytes = ElementTree.tostring(_suite(task_id, list(items)), encoding="utf-8")
        yield suite
    yield b"</testsuites>\n"


def _suite(task_id: str, items: Sequence[Graded]) -> ElementTree.Element:
    results = [result for item in items for result in item.evaluation.cases]
    verdicts = Counter(result.verdict for result in results)
    no_code = sum(not item.has_program for item in items)
    counts = _counts(verdicts, no_code, sum(result.wall_seconds for result in results))
    suite = ElementTree.Element("testsuite", counts, name=_writable(task_id))
    for item in items:
        if not item.has_program:
            test = _test(suite, item, "answer", 0)
            ElementTree.SubElement(test, "failure", type=ErrorClass.NO_CODE, message="the answer holds no program")
        for number, (case, result) in enumerate(item.cases):
            test = _test(suite, item, case.name or f"case {number}", result.wall_seconds)
            if result.verdict is not Verdict.PASSED:
                outcome = ElementTree.SubElement(test, _OUTCOMES[result.verdict], type=result.verdict)
                outcome.set("message", _writable(result.message))
                outcome.text = _writable(_details(result))
    return suite


def _test(suite: ElementTree.Element, item: Graded, name: str, wall_seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite,
        "testcase",
        classname=_writable(item.sample.name),
        name=_writable(name),
        time=_seconds(wall_seconds),
    )


def _counts(verdicts: Counter[Verdict], no_code: int, wall_seconds: float) -> dict[str, str]:
    outcomes: Counter[str] = Counter()
    for verdict, outcome in _OUTCOMES.items():
        outcomes[outcome] += verdicts[verdict]
    return {
        "tests": str(verdicts.total() + no_code),
        "failures": str(outcomes["failure"] + no_code),
        "errors": str(outcomes["error"]),
        "skipped": str(outcomes["skipped"]),
        "time": _seconds(wall_seconds),
    }


def _details(result: CaseResult) -> str:
    lines = [f"expected: {result.expected}", f"actual: {result.actual}"] if result.expected or result.actual else []
    return "\n".join([*lines, f"trust: {result.trust}"])


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _writable(text: str) -> str:
    return _UNWRITABLE.sub(lambda match: ascii(match[0])[1:-1], text)
