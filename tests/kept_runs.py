"""Runs to keep, in short."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trialbox.client import CaseResult, Check, Evaluation, ProgramException, Suite, Trust, Usage, Verdict
from trialbox.synthesis.prompts import Prompt
from trialbox.synthesis.store import Answer, GradedProgram, Store, begin
from trialbox.synthesis.tasks import Task

SETTINGS = {"model": "small", "seed": 1}

PASSED = CaseResult(verdict=Verdict.PASSED, trust=Trust.SEPARATED, wall_seconds=0.25)
FAILED = CaseResult(
    verdict=Verdict.ERROR,
    trust=Trust.SHARED,
    message="ValueError: \ud800",
    actual="\0",
    expected="2",
    shared_reason="the test names a class",
    exception=ProgramException(type="ValueError", message="\ud800", line=3),
)


def task(number: int, *, cases: int = 2, base_cases: int | None = None) -> Task:
    checks = [Check(f"assert f({case}) == {case}", name=f"test_list[{case}]") for case in range(cases)]
    return Task(
        task_id=f"Mbpp/{number}",
        prompt=f"Task {number}.",
        reference="def f(x): return x",
        suite=Suite(checks),
        base_cases=base_cases,
    )


TASKS = [task(2), task(1, base_cases=1), task(3)]


def begun(
    folder: Path,
    fixed: Mapping[str, Any] = SETTINGS,
    *,
    tasks: Sequence[Task] = TASKS,
    grading: Mapping[str, Any] | None = None,
    free: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> Store:
    return begin(folder, tasks=tasks, fixed=fixed, grading=grading or {}, free=free or {}, resume=resume)


def answer(task_id: str, index: int, source: str | None = "one = 1", **others: Any) -> Answer:
    prompt = Prompt(task_id=task_id, content=f"What is {task_id}?")
    told: dict[str, Any] = {"seed": 2**63 - 1, "temperature": 0.5, "tokens": 7, "seconds": 0.125, "prompt": prompt}
    return Answer(
        task_id=task_id, index=index, text=f"Here: {source}", source=source, finish_reason="stop", **(told | others)
    )


def graded(program_id: int, *cases: CaseResult) -> GradedProgram:
    usage = Usage(wall_seconds=0.5, peak_memory_bytes=1 << 20)
    return GradedProgram(program_id=program_id, evaluation=Evaluation(cases=cases, usage=usage))
