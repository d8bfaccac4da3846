"""The results as one document of plain values: `results.json`, and a line for each case: `cases.jsonl`."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from trialbox.client import Trust, Verdict
from trialbox.synthesis.results.graded import Graded
from trialbox.synthesis.results.pass_at_k import CONFIDENCE, Estimate, Share
from trialbox.synthesis.results.report import Report
from trialbox.synthesis.store import ErrorClass
from trialbox.synthesis.tasks import Sample


def document(report: Report) -> dict[str, Any]:
    """The results, for `pieces` to write; all that may differ between two runs is in `timing` and `usage`."""
    tally = report.tally
    return {
        "data_md5": report.data_md5,
        "tasks": len(tally.by_task),
        "passed": tally.solved,
        "tasks_without_program": len(report.tasks) - len(tally.by_task),
        "programs": tally.programs,
        "programs_passed": tally.passed,
        "programs_of_other_tasks": list(report.other_ids),
        "shares": {"tasks_solved": _share(report.tasks_solved), "programs_passed": _share(report.programs_passed)},
        "pass_at_k": {
            tests: {f"pass@{found.k}": _rate(found) for found in rates} for tests, rates in report.pass_at_k.items()
        },
        "verdicts": {verdict.value: tally.verdicts[verdict] for verdict in Verdict},
        "errors": {kind.value: tally.errors[kind] for kind in ErrorClass},
        "trust": {
            **{trust.value: tally.trusts[trust] for trust in Trust},
            "separated_share": report.separated_share,
            "shared_cases": [asdict(case) for case in tally.shared_cases],
        },
        "notes": tally.notes,
        "by_task": (asdict(task) for task in tally.by_task.values()),
        "results": (
            {
                **_name(item.sample),
                "passed": item.passed,
                "base_passed": item.base_passed,
                "error": item.error_class,
                "cases": list(_cases(item)),
            }
            for item in report.graded
        ),
        "timing": {
            "wall_seconds": report.wall_seconds,
            "programs": (
                {
                    **_name(item.sample),
                    "wall_seconds": item.evaluation.usage.wall_seconds,
                    "case_wall_seconds": [case.wall_seconds for case in item.evaluation.cases],
                }
                for item in report.graded
            ),
        },
        "usage": asdict(tally.usage),
    }


def case_lines(graded: Iterable[Graded]) -> Iterator[dict[str, Any]]:
    """Every case of every program, each by itself."""
    for item in graded:
        for case in _cases(item):
            yield {**_name(item.sample), **case}


def _share(found: Share | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {"estimate": found.value, "low": found.low, "high": found.high, "confidence": CONFIDENCE}


def _rate(found: Estimate) -> dict[str, float]:
    interval = {"low": found.low, "high": found.high, "confidence": CONFIDENCE}
    return {"estimate": found.value, **interval, "tasks": found.tasks}


def _name(sample: Sample) -> dict[str, Any]:
    return {"task_id": sample.task.task_id, "sample": sample.index}


def _cases(item: Graded) -> Iterator[dict[str, Any]]:
    for case, result in item.cases:
        yield {
            "case": case.name,
            "verdict": result.verdict,
            "trust": result.trust,
            "shared_reason": result.shared_reason,
            "message": result.message,
            "actual": result.actual,
            "expected": result.expected,
        }
