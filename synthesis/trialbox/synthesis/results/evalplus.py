"""The results in the shape of evalplus's own `eval_results.json`, for whatever reads that."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from trialbox.client import Call, Case, CaseResult, Check, Verdict
from trialbox.synthesis.results.graded import Graded
from trialbox.synthesis.results.json_pieces import Members
from trialbox.synthesis.results.report import Report


def evalplus_document(report: Report, date: datetime) -> dict[str, Any]:
    """The results as evalplus tells them, for `pieces` to write.

    A status is `pass` where every case passed. Where one didn't, the first such decides: `timeout` if it was TIMED_OUT,
    else `fail`. Data sets that extend no other have only a base status. A task of an extended one to which nothing was
    added has the same status twice. Failed tests are all that didn't pass: the arguments, or for a Check its source. An
    answer without a program is an empty one that fails.
    """
    by_task = groupby(report.graded, key=lambda item: item.sample.task.task_id)
    return {
        "date": date.strftime("%Y-%m-%d %H:%M"),
        "hash": report.data_md5,
        "eval": Members((task_id, list(map(_result, items))) for task_id, items in by_task),
        "pass_at_k": {
            tests: {f"pass@{found.k}": found.value for found in rates} for tests, rates in report.pass_at_k.items()
        },
    }


def _result(item: Graded) -> dict[str, Any]:
    return {
        "task_id": item.sample.task.task_id,
        "solution": item.sample.source,
        "base_status": _status(item.base) if item.has_program else "fail",
        "plus_status": _plus_status(item) if item.sample.task.base_cases is not None else None,
        "base_fail_tests": _failed(item.base),
        "plus_fail_tests": _failed(item.plus),
    }


def _plus_status(item: Graded) -> str:
    return _status(item.plus or item.base) if item.has_program else "fail"


def _status(cases: Sequence[tuple[Case, CaseResult]]) -> str:
    first = next((result.verdict for _, result in cases if result.verdict is not Verdict.PASSED), Verdict.PASSED)
    return {Verdict.PASSED: "pass", Verdict.TIMED_OUT: "timeout"}.get(first, "fail")


def _failed(cases: Sequence[tuple[Case, CaseResult]]) -> list[Any]:
    return [_input(case) for case, result in cases if result.verdict is not Verdict.PASSED]


def _input(case: Case) -> Any:
    if isinstance(case, Call):
        return _plain(case.args)
    return _plain(case.source if isinstance(case, Check) else case.stdin)


def _plain(value: Any) -> Any:
    """What stands for a value where there is only JSON, as in evalplus's files."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return [_plain(item) for item in sorted(value, key=repr)]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else repr(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
