"""What the page's two tables show, a row a task and a row a program; the programs' as columns, which pack well."""

from collections import Counter
from typing import Any

from trialbox.client import Verdict
from trialbox.synthesis.report.packing import Interned
from trialbox.synthesis.store import PASSED, Group, TaskRow, TaskRun

_REASON_LENGTH = 120


class Overview:
    """Gathers the rows while the tasks go by."""

    def __init__(self) -> None:
        self._tasks: list[dict[str, Any]] = []
        self._groups: dict[str, list[Any]] = {
            name: [] for name in ("task", "group", "samples", "state", "base", "passed", "cases", "reason")
        }
        self._reasons = Interned()

    def add(self, run: TaskRun) -> None:
        """Add a task and its groups of samples."""
        for number, group in enumerate(run.groups):
            self._add_group(run.task, number, group)
        states = Counter(run.states)
        self._tasks.append(
            {
                "id": run.task.task_id,
                "prompt": run.task.prompt,
                "samples": len(run.samples),
                "passed": states.pop(PASSED, 0),
                "states": states,
                "programs": sum(group.program is not None for group in run.groups),
                "tokens": _mean([sample.tokens for sample in run.samples if sample.tokens is not None]),
            }
        )

    def _add_group(self, task: TaskRow, number: int, group: Group) -> None:
        cases = group.evaluation.cases if group.evaluation else ()
        failed = next((case for case in cases if case.verdict is not Verdict.PASSED), None)
        row = {
            "task": len(self._tasks),
            "group": number,
            "samples": len(group.samples),
            "state": group.state,
            "base": group.evaluation and task.base_passed(group.evaluation),
            "passed": sum(case.verdict is Verdict.PASSED for case in cases),
            "cases": len(cases),
            "reason": self._reasons.number("" if failed is None else failed.message[:_REASON_LENGTH]),
        }
        for name, value in row.items():
            self._groups[name].append(value)

    def document(self) -> dict[str, Any]:
        """All rows; a program's reason is a number into `reasons`."""
        return {"tasks": self._tasks, "groups": self._groups, "reasons": self._reasons.texts}


def _mean(values: list[int]) -> float | None:
    return round(sum(values) / len(values), 1) if values else None
