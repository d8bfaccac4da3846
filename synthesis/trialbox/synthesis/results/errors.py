"""Why a program does not solve its task, told from what grading it came to."""

from trialbox.client import CaseResult, Evaluation, Verdict
from trialbox.synthesis.store.rows import CaseRow, ErrorClass, Verdicts
from trialbox.synthesis.tasks import Task

_BY_VERDICT = {
    Verdict.FAILED: ErrorClass.WRONG_RESULT,
    Verdict.TIMED_OUT: ErrorClass.TIME_OUT,
    # All the time that there was for the program is gone.
    Verdict.NOT_RUN: ErrorClass.TIME_OUT,
    Verdict.OUT_OF_MEMORY: ErrorClass.MEMORY,
}
_BY_EXCEPTION = {
    "SyntaxError": ErrorClass.SYNTAX,
    "IndentationError": ErrorClass.SYNTAX,
    "TabError": ErrorClass.SYNTAX,
    "TypeError": ErrorClass.TYPE,
}


def verdicts_of(task: Task, evaluation: Evaluation) -> Verdicts:
    """Sum up what grading a program for a task came to."""
    rows = [
        CaseRow(
            name=case.name,
            verdict=result.verdict,
            trust=result.trust,
            message=result.message,
            actual=result.actual,
            expected=result.expected,
            wall_seconds=result.wall_seconds,
        )
        for case, result in zip(task.suite.cases, evaluation.cases, strict=True)
    ]
    base = None
    if task.base_cases is not None:
        base = all(row.verdict is Verdict.PASSED for row in rows[: task.base_cases])
    return Verdicts(passed=evaluation.passed, base_passed=base, error_class=error_class(evaluation), cases=rows)


def error_class(evaluation: Evaluation) -> ErrorClass | None:
    """Tell the class of the first case that did not pass; None where all passed.

    The verdict decides. Only which kind of ERROR it was goes by the exception's type, which is the program's own claim.
    """
    if evaluation.passed:
        return None
    failed = next((case for case in evaluation.cases if case.verdict is not Verdict.PASSED), None)
    return ErrorClass.OTHER_RUNTIME if failed is None else _class_of(failed)


def _class_of(case: CaseResult) -> ErrorClass:
    if case.verdict is not Verdict.ERROR:
        return _BY_VERDICT[case.verdict]
    name = case.exception.type if case.exception is not None else ""
    return _BY_EXCEPTION.get(name.rpartition(".")[2], ErrorClass.OTHER_RUNTIME)
