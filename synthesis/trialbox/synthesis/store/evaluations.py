"""Evaluations as text: compact, since a run may keep millions of cases."""

import json
from dataclasses import asdict, fields
from typing import Any

from trialbox.client import CaseResult, Evaluation, Isolation, IsolationPath, ProgramException, Trust, Usage, Verdict

# asdict copies deeply, which takes longer than all the rest.
_USAGE = tuple(field.name for field in fields(Usage))
_LEFT_OUT = ("", "", 0.0, "", "", "", "", None)


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
    """The evaluation that `written` wrote."""
    document = json.loads(text)
    path = document["isolation"]["path"]
    return Evaluation(
        cases=tuple(map(_case, document["cases"])),
        usage=Usage(**document["usage"]),
        isolation=Isolation(
            path=None if path is None else IsolationPath(path),
            waived_layers=tuple(document["isolation"]["waived_layers"]),
        ),
        request_id=document["request_id"],
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
    told = [*told, *_LEFT_OUT[len(told) :]]
    verdict, trust, wall_seconds, message, actual, expected, shared_reason, exception = told
    return CaseResult(
        verdict=Verdict(verdict),
        trust=Trust(trust),
        wall_seconds=wall_seconds,
        message=message,
        actual=actual,
        expected=expected,
        shared_reason=shared_reason,
        exception=None if exception is None else ProgramException(**exception),
    )
