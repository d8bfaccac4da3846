"""The two kinds of stream, and what becomes of an item that failed."""

from collections.abc import Callable, Sequence
from typing import TypeGuard, TypeVar

from trialbox.client._errors import SandboxError
from trialbox.client._requests import Limits, Program, Suite
from trialbox.client._results import Evaluation, Execution, IsolationPath
from trialbox.client._wire import answers, requests
from trialbox.client._wire.flight import Batch
from trialbox.client._wire.suites import SuiteIds, WrittenSuite, written
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
    ids: SuiteIds,
    *,
    limits: Limits | None,
    case_seconds: float | None,
    allow_shared: bool,
    fresh: bool,
    coverage: bool,
    isolation: IsolationPath | str | None,
) -> EvaluateBatch:
    """A stream of programs to grade, each on a suite of its own."""
    suites: dict[str, WrittenSuite] = {}

    def request_of(pair: tuple[AnyProgram, Suite]) -> sandbox_service_pb2.EvaluateRequest:
        program, suite = requests.as_pair(pair)
        request = requests.evaluate_request(
            program,
            limits=limits,
            case_seconds=case_seconds,
            allow_shared=allow_shared,
            fresh=fresh,
            coverage=coverage,
            isolation=isolation,
        )
        suites[request.request_id] = written(suite)
        ids.fill(request, suites[request.request_id])
        return request

    def result_of(
        request: sandbox_service_pb2.EvaluateRequest, response: sandbox_service_pb2.EvaluateResponse, index: int | None
    ) -> Evaluation:
        suite = suites[request.request_id]
        ids.learn(suite, response)
        return answers.evaluation(request, response, len(suite.message.cases), index)

    return Batch(
        request_of=request_of,
        framed=lambda requests: sandbox_service_pb2.EvaluateBatchRequest(requests=requests),
        result_of=result_of,
        mend=lambda request, error: ids.mend(request, suites[request.request_id], error),
        forget=lambda request: suites.pop(request.request_id),
    )


def is_result(outcome: _Result | SandboxError, on_error: Callable[[SandboxError], object] | None) -> TypeGuard[_Result]:
    """Whether there is something to yield; where not, tell `on_error`, or raise where there is none."""
    if not isinstance(outcome, SandboxError):
        return True
    if on_error is None:
        raise outcome
    on_error(outcome)
    return False
