"""The two kinds of stream, and what becomes of an item that failed."""

from collections.abc import Callable, Sequence
from typing import TypeGuard, TypeVar

from trialbox.client._errors import SandboxError
from trialbox.client._requests import Limits, Program, Suite
from trialbox.client._results import Evaluation, Execution, IsolationPath
from trialbox.client._wire import answers, requests
from trialbox.client._wire.flight import Batch
from trialbox.v1 import sandbox_service_pb2

AnyProgram = Program | str | bytes
ExecuteBatch = Batch[AnyProgram, sandbox_service_pb2.ExecuteRequest, Execution]
EvaluateBatch = Batch[tuple[AnyProgram, Suite], sandbox_service_pb2.EvaluateRequest, Evaluation]

_Result = TypeVar("_Result")


def execute_batch(
    *, limits: Limits | None, collect: Sequence[str], isolation: IsolationPath | str | None
) -> ExecuteBatch:
    """A stream of programs to run."""
    return Batch(
        request_of=lambda program: requests.execute_request(
            program, limits=limits, collect=collect, isolation=isolation
        ),
        framed=lambda requests: sandbox_service_pb2.ExecuteBatchRequest(requests=requests),
        result_of=answers.execution,
    )


def evaluate_batch(
    *,
    limits: Limits | None,
    case_seconds: float | None,
    allow_shared: bool,
    fresh: bool,
    isolation: IsolationPath | str | None,
) -> EvaluateBatch:
    """A stream of programs to grade, each on a suite of its own."""
    return Batch(
        request_of=lambda pair: requests.evaluate_request(
            *requests.as_pair(pair),
            limits=limits,
            case_seconds=case_seconds,
            allow_shared=allow_shared,
            fresh=fresh,
            isolation=isolation,
        ),
        framed=lambda requests: sandbox_service_pb2.EvaluateBatchRequest(requests=requests),
        result_of=answers.evaluation,
    )


def is_result(outcome: _Result | SandboxError, on_error: Callable[[SandboxError], object] | None) -> TypeGuard[_Result]:
    """Whether there is something to yield; where not, tell `on_error`, or raise where there is none."""
    if not isinstance(outcome, SandboxError):
        return True
    if on_error is None:
        raise outcome
    on_error(outcome)
    return False
