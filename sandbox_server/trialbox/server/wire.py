"""From the server's own values to messages on the wire."""

from collections.abc import Sequence
from dataclasses import asdict

from trialbox.server.grading import CaseResult, Evaluation, EvaluationJob, Trust, Verdict
from trialbox.server.layers import Layer, LayerState
from trialbox.server.model import Execution, IsolationPath, Limits, Outcome, ProgramException, Usage
from trialbox.v1 import evaluation_pb2, execution_pb2, sandbox_service_pb2
from trialbox.v1.sandbox_service_pb2 import ExecuteStreamResponse

OUTCOMES = {outcome: execution_pb2.Outcome.Value(f"OUTCOME_{outcome.name}") for outcome in Outcome}
VERDICTS = {verdict: evaluation_pb2.Verdict.Value(f"VERDICT_{verdict.name}") for verdict in Verdict}
TRUSTS = {trust: evaluation_pb2.Trust.Value(f"TRUST_{trust.name}") for trust in Trust}
LAYER_STATES = {state: sandbox_service_pb2.LayerState.Value(f"LAYER_STATE_{state.name}") for state in LayerState}


PATHS = {path: execution_pb2.IsolationPath.Value(f"ISOLATION_PATH_{path.name}") for path in IsolationPath}


def execution(request_id: str, done: Execution, waived_layers: Sequence[str]) -> execution_pb2.Execution:
    """Write down what a program did."""
    return execution_pb2.Execution(
        request_id=request_id,
        outcome=OUTCOMES[done.outcome],
        exit_code=done.exit_code,
        signal=done.signal,
        stdout=done.stdout,
        stderr=done.stderr,
        stdout_truncated=done.stdout_truncated,
        stderr_truncated=done.stderr_truncated,
        exception=_exception(done.exception),
        files=[execution_pb2.OutputFile(path=path, content=content) for path, content in done.files.items()],
        skipped_files=[execution_pb2.SkippedFile(path=file.path, reason=file.reason) for file in done.skipped_files],
        usage=_usage(done.usage),
        isolation=_isolation(done.isolation, waived_layers),
    )


def started(request_id: str, path: IsolationPath, waived_layers: Sequence[str]) -> ExecuteStreamResponse:
    """Write down that a program was let go."""
    isolation = _isolation(path, waived_layers)
    return ExecuteStreamResponse(started=ExecuteStreamResponse.Started(request_id=request_id, isolation=isolation))


def output(stream: str, offset: int, data: bytes) -> ExecuteStreamResponse:
    """Write down what a program put out, on `stdout` or `stderr`."""
    chunk = ExecuteStreamResponse.Output(data=data, offset=offset)
    return ExecuteStreamResponse(stdout=chunk) if stream == "stdout" else ExecuteStreamResponse(stderr=chunk)


def evaluation(
    request_id: str, done: Evaluation, job: EvaluationJob, waived_layers: Sequence[str]
) -> evaluation_pb2.Evaluation:
    """Write down the verdicts of a program."""
    return evaluation_pb2.Evaluation(
        request_id=request_id,
        cases=[_case(case) for case in done.cases],
        usage=_usage(done.usage),
        isolation=_isolation(job.isolation, waived_layers),
        suite_id=job.suite.suite_id,
    )


def limits(values: Limits) -> execution_pb2.Limits:
    """Write down a full set of limits."""
    return execution_pb2.Limits(**asdict(values))


def layer(found: Layer) -> sandbox_service_pb2.Layer:
    """Write down the state of one isolation layer."""
    return sandbox_service_pb2.Layer(
        name=found.name, state=LAYER_STATES[found.state], evidence=found.evidence, remedy=found.remedy
    )


def _isolation(path: IsolationPath, waived_layers: Sequence[str]) -> execution_pb2.Isolation:
    return execution_pb2.Isolation(path=PATHS[path], waived_layers=waived_layers)


def _case(case: CaseResult) -> evaluation_pb2.CaseResult:
    if case.verdict is Verdict.PASSED and not case.arcs and not case.shared_reason:  # of most there is no more to say
        return evaluation_pb2.CaseResult(
            verdict=evaluation_pb2.VERDICT_PASSED, trust=TRUSTS[case.trust], wall_seconds=case.wall_seconds
        )
    return evaluation_pb2.CaseResult(
        verdict=VERDICTS[case.verdict],
        trust=TRUSTS[case.trust],
        actual=case.actual,
        expected=case.expected,
        message=case.message,
        wall_seconds=case.wall_seconds,
        exception=_exception(case.exception),
        shared_reason=case.shared_reason,
        arcs=[evaluation_pb2.Arc(**{"from": start, "to": end}) for start, end in case.arcs],
    )


def _exception(told: ProgramException | None) -> execution_pb2.ProgramException | None:
    if told is None:
        return None
    return execution_pb2.ProgramException(**asdict(told))


def _usage(used: Usage) -> execution_pb2.Usage:
    return execution_pb2.Usage(
        wall_seconds=used.wall_seconds,
        user_cpu_seconds=used.user_cpu_seconds,
        system_cpu_seconds=used.system_cpu_seconds,
        peak_memory_bytes=used.peak_memory_bytes,
        peak_processes=used.peak_processes,
        queue_seconds=used.queue_seconds,
        setup_seconds=used.setup_seconds,
    )
