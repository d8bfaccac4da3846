"""What `trialbox evaluate` reports: as a document, as files and to people."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trialbox.cli._show import fields, one_line
from trialbox.client import Case, CaseResult, Check, Evaluation, Usage, Verdict
from trialbox.synthesis.tasks import Sample, Task

_SHOWN_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Graded:
    """One program and what became of it."""

    sample: Sample
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All programs of one run, in the order of the tasks."""

    tasks: Sequence[Task]
    graded: Sequence[Graded]
    wall_seconds: float

    @property
    def tried(self) -> set[str]:
        """The tasks that had a program."""
        return {item.sample.task.task_id for item in self.graded}

    @property
    def solved(self) -> set[str]:
        """The tasks of which a program passed."""
        return {item.sample.task.task_id for item in self.graded if item.evaluation.passed}


def document(report: Report) -> dict[str, Any]:
    """The results; all that may differ between two runs of the same programs is in `timing` and `usage`."""
    verdicts = Counter(case.verdict for item in report.graded for case in item.evaluation.cases)
    return {
        "tasks": len(report.tried),
        "passed": len(report.solved),
        "tasks_without_program": len(report.tasks) - len(report.tried),
        "programs": len(report.graded),
        "programs_passed": sum(item.evaluation.passed for item in report.graded),
        "verdicts": {verdict.value: verdicts[verdict] for verdict in Verdict},
        "results": [
            {**_name(item.sample), "passed": item.evaluation.passed, "cases": list(_cases(item))}
            for item in report.graded
        ],
        "timing": {
            "wall_seconds": report.wall_seconds,
            "programs": [
                {
                    **_name(item.sample),
                    "wall_seconds": item.evaluation.usage.wall_seconds,
                    "case_wall_seconds": [case.wall_seconds for case in item.evaluation.cases],
                }
                for item in report.graded
            ],
        },
        "usage": fields(_total([item.evaluation.usage for item in report.graded])),
    }


def write(report: Report, folder: Path) -> None:
    """Write results.json, the document, and cases.jsonl, a line for each case; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(document(report), indent=2) + "\n", encoding="utf-8")
    lines = (json.dumps({**_name(item.sample), **case}) for item in report.graded for case in _cases(item))
    (folder / "cases.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def show(report: Report) -> None:
    """Print the failures and a summary for people."""
    console = Console()
    failures = [item for item in report.graded if not item.evaluation.passed]
    if failures:
        table = Table(
            "Task", "Verdict", "Cases passed", "Why", title="Programs that did not pass", title_justify="left"
        )
        for item in failures[:_SHOWN_FAILURES]:
            sample, cases = item.sample, item.evaluation.cases
            number = next(number for number, case in enumerate(cases) if case.verdict is not Verdict.PASSED)
            passed = sum(case.verdict is Verdict.PASSED for case in cases)
            why = one_line(_reason(sample.task.suite.cases[number], cases[number]))
            name = sample.task.task_id + (f" #{sample.index}" if sample.index else "")
            table.add_row(Text(name), cases[number].verdict, f"{passed} of {len(cases)}", Text(why))
        console.print(table)
        if len(failures) > _SHOWN_FAILURES:
            console.print(f"… and {len(failures) - _SHOWN_FAILURES} more; --out DIR keeps them all.")
    console.print(
        f"{len(report.solved)} of {len(report.tried)} tasks passed"
        f" ({len(report.graded) - len(failures)} of {len(report.graded)} programs, {report.wall_seconds:.1f} s)."
    )
    if untried := len(report.tasks) - len(report.tried):
        console.print(f"{untried} more tasks of the file had no program.")


def _reason(case: Case, result: CaseResult) -> str:
    """Say why a case has its verdict; the text may hold anything that a program wrote."""
    if isinstance(case, Check) and isinstance(case.source, str) and result.message == "AssertionError":
        # The last line of longer test code is seldom the one that failed.
        return result.message if "\n" in case.source else f"does not hold: {case.source}"
    return result.message


def _name(sample: Sample) -> dict[str, Any]:
    return {"task_id": sample.task.task_id, "sample": sample.index}


def _cases(item: Graded) -> Iterator[dict[str, Any]]:
    for case, result in zip(item.sample.task.suite.cases, item.evaluation.cases, strict=True):
        yield {
            "case": case.name,
            "verdict": result.verdict,
            "trust": result.trust,
            "message": result.message,
            "actual": result.actual,
            "expected": result.expected,
        }


def _total(usages: Sequence[Usage]) -> Usage:
    """Sum what adds up; of peaks, the highest."""
    return Usage(
        wall_seconds=sum(usage.wall_seconds for usage in usages),
        user_cpu_seconds=sum(usage.user_cpu_seconds for usage in usages),
        system_cpu_seconds=sum(usage.system_cpu_seconds for usage in usages),
        peak_memory_bytes=max((usage.peak_memory_bytes for usage in usages), default=0),
        peak_processes=max(
            (usage.peak_processes for usage in usages if usage.peak_processes is not None), default=None
        ),
        queue_seconds=sum(usage.queue_seconds for usage in usages),
        setup_seconds=sum(usage.setup_seconds for usage in usages),
    )
