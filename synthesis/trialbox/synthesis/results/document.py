"""The results as one document of plain values: `results.json`, and a line for each case: `cases.jsonl`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from trialbox.client import Trust, Usage, Verdict
from trialbox.synthesis.results.pass_at_k import CONFIDENCE, Estimate
from trialbox.synthesis.results.report import Graded, Report
from trialbox.synthesis.tasks import Sample


def document(report: Report) -> dict[str, Any]:
    """The results; all that may differ between two runs of the same programs is in `timing` and `usage`."""
    verdicts = Counter(result.verdict for item in report.graded for result in item.evaluation.cases)
    return {
        "data_md5": report.data_md5,
        "tasks": len(report.tried),
        "passed": len(report.solved),
        "tasks_without_program": len(report.tasks) - len(report.tried),
        "programs": len(report.graded),
        "programs_passed": sum(item.passed for item in report.graded),
        "programs_of_other_tasks": list(report.other_ids),
        "pass_at_k": {
            tests: {f"pass@{found.k}": _rate(found) for found in rates} for tests, rates in report.pass_at_k.items()
        },
        "verdicts": {verdict.value: verdicts[verdict] for verdict in Verdict},
        "trust": {
            **{trust.value: report.trusts[trust] for trust in Trust},
            "separated_share": report.separated_share,
            "shared_cases": [asdict(case) for case in report.shared_cases],
        },
        "notes": report.notes,
        "results": [
            {
                **_name(item.sample),
                "passed": item.passed,
                "base_passed": item.base_passed,
                "cases": list(_cases(item)),
            }
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
        "usage": asdict(_total([item.evaluation.usage for item in report.graded])),
    }


def case_lines(graded: Sequence[Graded]) -> Iterator[dict[str, Any]]:
    """Every case of every program, each by itself."""
    for item in graded:
        for case in _cases(item):
            yield {**_name(item.sample), **case}


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
