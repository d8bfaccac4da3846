"""From the contract's messages to what a caller gets."""

from collections.abc import Mapping
from typing import TypeVar

from grpc import StatusCode

from trialbox.client._errors import InternalError
from trialbox.client._events import Event, Finished, Output, OutputStream, Started
from trialbox.client._requests import Limits
from trialbox.client._results import (
    CaseResult,
    Evaluation,
    Execution,
    Isolation,
    IsolationPath,
    Layer,
    LayerState,
    Outcome,
    ProgramException,
    Runtime,
    ServerInfo,
    SkippedFile,
    Trust,
    Usage,
    Verdict,
)
from trialbox.v1 import evaluation_pb2, execution_pb2, sandbox_service_pb2

_Word = TypeVar("_Word")

# By number, and only the words both sides know: a newer server may send others.
_OUTCOMES: dict[int, Outcome] = {execution_pb2.Outcome.Value(f"OUTCOME_{word.name}"): word for word in Outcome}
_VERDICTS: dict[int, Verdict] = {evaluation_pb2.Verdict.Value(f"VERDICT_{word.name}"): word for word in Verdict}
_TRUSTS: dict[int, Trust] = {evaluation_pb2.Trust.Value(f"TRUST_{word.name}"): word for word in Trust}
_PATHS: dict[int, IsolationPath] = {
    execution_pb2.IsolationPath.Value(f"ISOLATION_PATH_{word.name}"): word for word in IsolationPath
}
_LAYER_STATES: dict[int, LayerState] = {
    sandbox_service_pb2.LayerState.Value(f"LAYER_STATE_{word.name}"): word for word in LayerState
}


def execution(
    request: sandbox_service_pb2.ExecuteRequest,
    response: sandbox_service_pb2.ExecuteResponse,
    index: int | None = None,
) -> Execution:
    """Read what a program did.

    Raises:
        InternalError: The answer holds no outcome that this SDK knows.
    """
    message = response.execution
    return Execution(
        outcome=_known(_OUTCOMES, message.outcome, "outcome", request.request_id),
        exit_code=message.exit_code if message.HasField("exit_code") else None,
        signal=message.signal if message.HasField("signal") else None,
        stdout=message.stdout,
        stderr=message.stderr,
        stdout_truncated=message.stdout_truncated,
        stderr_truncated=message.stderr_truncated,
        exception=_exception(message.exception) if message.HasField("exception") else None,
        files={file.path: file.content for file in message.files},
        skipped_files=tuple(SkippedFile(path=file.path, reason=file.reason) for file in message.skipped_files),
        usage=_usage(message.usage),
        isolation=_isolation(message.isolation),
        request_id=request.request_id,
        index=index,
    )


def event(
    request: sandbox_service_pb2.ExecuteRequest, response: sandbox_service_pb2.ExecuteStreamResponse
) -> Event | None:
    """Read what happened to a program; None where this SDK doesn't know such an event.

    Raises:
        InternalError: The program's end holds no outcome that this SDK knows.
    """
    match response.WhichOneof("event"):
        case "started":
            return Started(request_id=request.request_id, isolation=_isolation(response.started.isolation))
        case "stdout":
            return Output(OutputStream.STDOUT, response.stdout.data, response.stdout.offset)
        case "stderr":
            return Output(OutputStream.STDERR, response.stderr.data, response.stderr.offset)
        case "finished":
            return Finished(execution(request, sandbox_service_pb2.ExecuteResponse(execution=response.finished)))
        case _:
            return None


def evaluation(
    request: sandbox_service_pb2.EvaluateRequest,
    response: sandbox_service_pb2.EvaluateResponse,
    expected_cases: int,
    index: int | None = None,
) -> Evaluation:
    """Read the verdicts on so many cases; a case without one is NOT_RUN.

    Raises:
        InternalError: The answer holds more verdicts than there are cases.
    """
    message = response.evaluation
    cases = [_case_result(case) for case in message.cases]
    absent = expected_cases - len(cases)
    if absent < 0:
        raise _broken(f"{len(cases)} verdicts for {expected_cases} cases", request.request_id)
    cases += [CaseResult(verdict=Verdict.NOT_RUN, message="the server gave no verdict")] * absent
    return Evaluation(
        cases=tuple(cases),
        usage=_usage(message.usage),
        isolation=_isolation(message.isolation),
        request_id=request.request_id,
        index=index,
    )


def server_info(response: sandbox_service_pb2.GetServerInfoResponse) -> ServerInfo:
    """Read what a server offers.

    Raises:
        InternalError: A layer is in no state that this SDK knows.
    """
    return ServerInfo(
        version=response.version,
        runtimes=tuple(
            Runtime(name=runtime.name, python_version=runtime.python_version, is_default=runtime.is_default)
            for runtime in response.runtimes
        ),
        default_limits=_limits(response.default_limits),
        maximum_limits=_limits(response.maximum_limits),
        default_case_seconds=response.default_case_seconds,
        slots=response.slots,
        layers=tuple(
            Layer(
                name=layer.name,
                state=_known(_LAYER_STATES, layer.state, f"state of the layer {layer.name}", ""),
                evidence=layer.evidence,
                remedy=layer.remedy,
            )
            for layer in response.layers
        ),
    )


def _case_result(message: evaluation_pb2.CaseResult) -> CaseResult:
    if message.verdict == evaluation_pb2.VERDICT_PASSED and not (
        message.message or message.shared_reason or message.arcs
    ):
        trust = _TRUSTS.get(message.trust, Trust.SHARED)
        return CaseResult(verdict=Verdict.PASSED, trust=trust, wall_seconds=message.wall_seconds)
    return CaseResult(
        # What nobody vouched for counts as not run, and as the weaker trust.
        verdict=_VERDICTS.get(message.verdict, Verdict.NOT_RUN),
        trust=_TRUSTS.get(message.trust, Trust.SHARED),
        actual=message.actual,
        expected=message.expected,
        message=message.message,
        wall_seconds=message.wall_seconds,
        exception=_exception(message.exception) if message.HasField("exception") else None,
        shared_reason=message.shared_reason,
        arcs=tuple((getattr(arc, "from"), arc.to) for arc in message.arcs),
    )


def _usage(message: execution_pb2.Usage) -> Usage:
    return Usage(
        wall_seconds=message.wall_seconds,
        user_cpu_seconds=message.user_cpu_seconds,
        system_cpu_seconds=message.system_cpu_seconds,
        peak_memory_bytes=message.peak_memory_bytes,
        peak_processes=message.peak_processes if message.HasField("peak_processes") else None,
        queue_seconds=message.queue_seconds,
        setup_seconds=message.setup_seconds,
    )


def _isolation(message: execution_pb2.Isolation) -> Isolation:
    return Isolation(path=_PATHS.get(message.path), waived_layers=tuple(message.waived_layers))


def _exception(message: execution_pb2.ProgramException) -> ProgramException:
    return ProgramException(type=message.type, message=message.message, line=message.line)


def _limits(message: execution_pb2.Limits) -> Limits:
    return Limits(**{field.name: value for field, value in message.ListFields()})


def _known(words: Mapping[int, _Word], number: int, what: str, request_id: str) -> _Word:
    try:
        return words[number]
    except KeyError:
        raise _broken(f"{what} number {number} is not known here", request_id) from None


def _broken(message: str, request_id: str) -> InternalError:
    return InternalError(message, code=StatusCode.INTERNAL, reason="UNKNOWN_ANSWER", request_id=request_id)
