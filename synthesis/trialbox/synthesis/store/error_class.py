"""Why a sample does not solve its task, in the classes of Austin et al. (2021) and three more."""

import enum

from trialbox.client import CaseResult, Evaluation, Verdict


class ErrorClass(enum.StrEnum):
    """Why a sample does not solve its task (after Austin et al., 2021; time-out, memory and no code are ours)."""

    SYNTAX = "syntax"
    TYPE = "type"
    OTHER_RUNTIME = "other runtime"
    WRONG_RESULT = "wrong result"
    TIME_OUT = "time-out"
    MEMORY = "memory"
    NO_CODE = "no code"


_CLASSES = {
    Verdict.FAILED: ErrorClass.WRONG_RESULT,
    Verdict.TIMED_OUT: ErrorClass.TIME_OUT,
    Verdict.OUT_OF_MEMORY: ErrorClass.MEMORY,
    # Only the evaluation's own time can end before a case is begun.
    Verdict.NOT_RUN: ErrorClass.TIME_OUT,
}
_EXCEPTIONS = {
    "SyntaxError": ErrorClass.SYNTAX,
    "IndentationError": ErrorClass.SYNTAX,
    "TabError": ErrorClass.SYNTAX,
    "TypeError": ErrorClass.TYPE,
}


def error_class(evaluation: Evaluation) -> ErrorClass | None:
    """Why a program does not pass: by the first case that it doesn't; None where it passes.

    The verdict decides whether it is an error at all, and which: a wrong result, a time-out, too little memory or a
    run-time error. Among run-time errors the exception's type chooses, which the program tells: a program that raises a
    SyntaxError of its own counts as one, and never as one that passes.
    """
    failed = [case for case in evaluation.cases if case.verdict is not Verdict.PASSED]
    return _class(failed[0]) if failed else None


def _class(case: CaseResult) -> ErrorClass:
    if case.verdict is not Verdict.ERROR:
        return _CLASSES[case.verdict]
    return _EXCEPTIONS.get(case.exception.type if case.exception else "", ErrorClass.OTHER_RUNTIME)
