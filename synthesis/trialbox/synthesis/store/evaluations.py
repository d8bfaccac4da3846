"""Evaluations as text: compact, since a run may keep millions of cases."""

import json
import math
from dataclasses import asdict, fields
from typing import Any, TypeVar

from trialbox.client import CaseResult, Evaluation, Isolation, IsolationPath, ProgramException, Trust, Usage, Verdict

# asdict copies deeply, which takes longer than all the rest.
_USAGE = tuple(field.name for field in fields(Usage))
_LEFT_OUT = ("", "", 0.0, "", "", "", "", None)
_FIRST_TEXT, _EXCEPTION = 3, 7

_Kind = TypeVar("_Kind")


def written(evaluation: Evaluation) -> str:
    """An evaluation as JSON: all but its coverage and its place in the stream."""
    document = {
        "cases": [_fields(case) for case in evaluation.cases],
        "usage": {name: getattr(evaluation.usage, name) for name in _USAGE},
        "isolation": {"path": evaluation.isolation.path, "waived_layers": evaluation.isolation.waived_layers},
        "request_id": evaluation.request_id,
    }
    return json.dumps(document, separators=(",", ":"))


def read(text: str) -> Evaluation:
    """The evaluation that `written` wrote; raises ValueError where the text is another."""
    try:
        document = json.loads(text)
        return Evaluation(
            cases=tuple(map(_case, document["cases"])),
            usage=_usage(document["usage"]),
            isolation=_isolation(**document["isolation"]),
            request_id=_checked(document["request_id"], str),
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _usage(told: dict[str, Any]) -> Usage:
    for name, value in told.items():
        if value is not None or name != "peak_processes":
            _number(value)
    return Usage(**told)


def _isolation(path: str | None, waived_layers: list[str]) -> Isolation:
    return Isolation(
        path=None if path is None else IsolationPath(path),
        waived_layers=tuple(_checked(layer, str) for layer in waived_layers),
    )


def _fields(case: CaseResult) -> list[Any]:
    told: list[Any] = [
        case.verdict,
        case.trust,
        case.wall_seconds,
        case.message,
        case.actual,
        case.expected,
        case.shared_reason,
        case.exception and asdict(case.exception),
    ]
    # Most cases passed, and there is no more to say of them.
    while not told[-1]:
        told.pop()
    return told


def _case(told: list[Any]) -> CaseResult:
    # A case that passed holds no text.
    for text in told[_FIRST_TEXT:_EXCEPTION]:
        _checked(text, str)
    told = [*told, *_LEFT_OUT[len(told) :]]
    verdict, trust, wall_seconds, message, actual, expected, shared_reason, exception = told
    return CaseResult(
        verdict=Verdict(verdict),
        trust=Trust(trust),
        wall_seconds=_number(wall_seconds),
        message=message,
        actual=actual,
        expected=expected,
        shared_reason=shared_reason,
        exception=None if exception is None else _exception(exception),
    )


def _exception(told: dict[str, Any]) -> ProgramException:
    return ProgramException(
        type=_checked(told["type"], str), message=_checked(told["message"], str), line=_checked(told["line"], int)
    )


def _checked(value: Any, kind: type[_Kind]) -> _Kind:
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} is wanted, not a {type(value).__name__}")
    return value


def _number(value: Any) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no time and no count")
    number: float = value
    return number
