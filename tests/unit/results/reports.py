"""Reports to write, made of the verdicts that a test names."""

from collections.abc import Sequence

from trialbox.client import Call, CaseResult, Check, Evaluation, Suite, Trust, Verdict
from trialbox.synthesis.results import Graded, Report
from trialbox.synthesis.tasks import Sample, Task

SOURCE = "def f(x): return x"

PASSED = CaseResult(verdict=Verdict.PASSED, trust=Trust.SEPARATED, wall_seconds=0.25)
FAILED = CaseResult(verdict=Verdict.FAILED, trust=Trust.SEPARATED, message="wrong", actual="1", expected="2")
ERROR = CaseResult(verdict=Verdict.ERROR, trust=Trust.SEPARATED, message="ValueError: no")
TIMED_OUT = CaseResult(verdict=Verdict.TIMED_OUT, trust=Trust.SEPARATED, message="too slow")
NOT_RUN = CaseResult(verdict=Verdict.NOT_RUN, trust=Trust.SEPARATED, message="no time left")


def plain_task(number: int, cases: int) -> Task:
    checks = [Check(f"assert f({case}) == {case}", name=f"test_list[{case}]") for case in range(cases)]
    return Task(task_id=f"Mbpp/{number}", prompt="", reference="", suite=Suite(checks))


def plus_task(number: int, base: Sequence[object], plus: Sequence[object], *, note: str = "") -> Task:
    """A task whose cases have one argument each."""
    groups = {"base": base, "plus": plus}
    cases = [
        Call("f", (argument,), oracle="def f(x): return x", name=f"{group}/{place}")
        for group, arguments in groups.items()
        for place, argument in enumerate(arguments)
    ]
    return Task(task_id=f"Mbpp/{number}", prompt="", reference="", suite=Suite(cases), base_cases=len(base), note=note)


def report_of(*graded: tuple[Task, Sequence[CaseResult]], more_tasks: Sequence[Task] = ()) -> Report:
    """A report of one program for each pair; those of one task must follow each other."""
    items: list[Graded] = []
    for task, results in graded:
        index = sum(item.sample.task is task for item in items)
        sample = Sample(task=task, index=index, source=SOURCE)
        items.append(Graded(sample, Evaluation(cases=tuple(results))))
    tasks = list({task.task_id: task for task, _ in graded}.values())
    return Report(tasks=[*tasks, *more_tasks], graded=items, wall_seconds=1.5, data_md5="abc", other_ids=["Mbpp/99"])
