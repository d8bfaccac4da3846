"""A server with tenants: who has no credentials is refused, who has them gets their share and nothing of another's."""

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import hosts
import pytest
from access import tenant
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from telemetry_stage import Observed, observed

from trialbox.client import (
    AccessDeniedError,
    Check,
    InvalidRequestError,
    Limits,
    Outcome,
    QueueFullError,
    Sandbox,
    SandboxError,
    Suite,
)
from trialbox.v1 import evaluation_pb2, execution_pb2, sandbox_service_pb2
from trialbox.v1.execution_pb2 import Program
from trialbox.v1.sandbox_service_pb2 import (
    EvaluateRequest,
    ExecuteBatchRequest,
    ExecuteRequest,
    ExecuteStreamRequest,
    GetServerInfoRequest,
)
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceStub

LIMITS = Limits(wall_seconds=30)
FIRST_FILE = (
    tenant("a", "a's", "a's other")
    + tenant("b", "b's")
    + tenant("small", "small's", maximum_limits="{wall_seconds = 1.5, processes = 8}")
    + tenant("one", "one's", concurrency=1, queue_size=1, streams=1)
    + tenant("slow", "slow's", requests_per_second=0.01, burst=1)
    + tenant("gone", "gone's", suspended="true")
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tenants") / "tenants.toml"
    path.write_text(FIRST_FILE)
    return path


@pytest.fixture(scope="module")
def server(file: Path) -> Iterator[Observed]:
    with observed({"SLOTS": "2", "TENANTS_FILE": str(file)}) as server:
        yield server


@contextlib.contextmanager
def box(server: Observed, token: str | None) -> Iterator[Sandbox]:
    with Sandbox(server.address, token=token, retry=False) as opened:
        yield opened


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


_PROGRAM = ExecuteRequest(program=Program(source=b"pass"))
# Each as a stranger would call it: the stub's method, and what it is given.
_METHODS: dict[str, Any] = {
    "Execute": _PROGRAM,
    "ExecuteStream": ExecuteStreamRequest(request=_PROGRAM),
    "ExecuteBatch": iter([ExecuteBatchRequest(requests=[_PROGRAM])]),
    "Evaluate": EvaluateRequest(program=Program(source=b"pass")),
    "EvaluateBatch": iter([sandbox_service_pb2.EvaluateBatchRequest()]),
    "GetServerInfo": GetServerInfoRequest(),
}


def test_no_method_is_left_out_here() -> None:
    service = sandbox_service_pb2.DESCRIPTOR.services_by_name["SandboxService"]
    assert set(_METHODS) == {method.name for method in service.methods}


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize(
    ("metadata", "code", "reason"),
    [
        ((), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING"),
        (_bearer("nobody's"), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_UNKNOWN"),
        (_bearer(""), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_UNKNOWN"),
        ((("authorization", "Basic YTpi"),), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MALFORMED"),
        ((*_bearer("nobody's"), *_bearer("a's")), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MALFORMED"),
        (_bearer("gone's"), grpc.StatusCode.PERMISSION_DENIED, "TENANT_SUSPENDED"),
    ],
)
def test_whoever_shows_nothing_of_use_is_refused_by_every_method(
    server: Observed, method: str, metadata: Any, code: grpc.StatusCode, reason: str
) -> None:
    with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError) as raised:
        answer = getattr(SandboxServiceStub(channel), method)(_METHODS[method], metadata=metadata, timeout=30)
        list(answer)
    error: Any = raised.value
    assert (error.code(), _info(error).reason, _info(error).domain) == (code, reason, "trialbox")


def test_reflection_tells_strangers_nothing_and_tenants_all(server: Observed) -> None:
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    with grpc.insecure_channel(server.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        with pytest.raises(grpc.RpcError, match="a token is wanted"):
            list(stub.ServerReflectionInfo(iter([asked]), timeout=30))
        (answer,) = stub.ServerReflectionInfo(iter([asked]), metadata=_bearer("a's"), timeout=30)
    assert "trialbox.v1.SandboxService" in {service.name for service in answer.list_services_response.service}


def test_probes_need_no_token(server: Observed) -> None:
    assert server.server.health() == "SERVING"


def test_the_sdk_says_so_by_one_error_and_does_not_try_again(server: Observed) -> None:
    before = server.samples()
    with Sandbox(server.address, token="nobody's") as stranger:
        for call in (
            lambda: stranger.run("pass", limits=LIMITS),
            lambda: list(stranger.stream("pass", limits=LIMITS)),
            lambda: stranger.evaluate("pass", Suite([Check("")]), limits=LIMITS),
            lambda: list(stranger.run_many(["pass"], limits=LIMITS)),
        ):
            with pytest.raises(AccessDeniedError) as raised:
                call()
            assert (raised.value.reason, raised.value.retryable) == ("TOKEN_UNKNOWN", False)
    grown = server.samples().since(before)
    assert grown.of("trialbox_requests_refused_total", reason="TOKEN_UNKNOWN", tenant="") == 4
    assert grown.of("trialbox_executions_total") == 0


def test_every_token_of_a_tenant_is_good_and_its_requests_are_counted_as_its_own(server: Observed) -> None:
    before = server.samples()
    for token in ("a's", "a's other"):
        with box(server, token) as ours:
            assert ours.run("print(1)").stdout == b"1\n"
    assert server.samples().since(before).of("trialbox_executions_total", tenant="a") == 2
    assert server.logged("executed")[-1]["tenant"] == "a"
    assert "a's" not in server.log_file.read_text()


def test_a_suite_of_another_tenant_is_not_known(server: Observed) -> None:
    program, suite = Program(source=b""), evaluation_pb2.Suite()
    suite.cases.add().check.source = b"assert True"
    with grpc.insecure_channel(server.address) as channel:
        evaluate = SandboxServiceStub(channel).Evaluate
        whole = EvaluateRequest(program=program, suite=suite)
        suite_id = evaluate(whole, metadata=_bearer("a's")).evaluation.suite_id
        assert suite_id
        by_id = EvaluateRequest(program=program, suite_id=suite_id)
        assert evaluate(by_id, metadata=_bearer("a's other")).evaluation.suite_id == suite_id
        with pytest.raises(grpc.RpcError) as raised:
            evaluate(by_id, metadata=_bearer("b's"))
    error: Any = raised.value
    assert (error.code(), _info(error).reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_SUITE")


def test_a_request_of_another_tenant_can_not_be_cancelled_by_its_id(server: Observed) -> None:
    marker, request_id = uuid.uuid4().hex, uuid.uuid4().hex
    program = Program(source=hosts.until_released(marker).encode())
    running = ExecuteBatchRequest(requests=[ExecuteRequest(request_id=request_id, program=program)])
    theirs = ExecuteBatchRequest(
        cancel_request_ids=[request_id], requests=[ExecuteRequest(request_id="after", program=_PROGRAM.program)]
    )
    with grpc.insecure_channel(server.address) as channel:
        stub = SandboxServiceStub(channel)
        answers = stub.ExecuteBatch(iter([running]), metadata=_bearer("a's"), timeout=60)
        hosts.eventually(lambda: hosts.marked(marker), "the program runs")
        (other,) = stub.ExecuteBatch(iter([theirs]), metadata=_bearer("b's"), timeout=60)
        assert other.answers[0].request_id == "after"
        _release(marker)
        (answer,) = answers
    assert answer.answers[0].response.execution.outcome == execution_pb2.OUTCOME_SUCCEEDED


def test_a_ceiling_of_a_tenant_bounds_its_limits_and_is_told(server: Observed) -> None:
    with box(server, "small's") as small:
        info = small.server_info()
        assert (info.maximum_limits.wall_seconds, info.default_limits.wall_seconds) == (1.5, 1.5)
        with pytest.raises(
            InvalidRequestError, match=r"limits.wall_seconds: is 2.0; the allowed range is above 0 to 1.5"
        ):
            small.run("pass", limits=Limits(wall_seconds=2))
        assert small.run("while True: pass").outcome is Outcome.WALL_TIME_EXCEEDED
    with box(server, "a's") as a:
        assert a.run("pass", limits=Limits(wall_seconds=2)).outcome is Outcome.SUCCEEDED


def test_a_tenant_at_its_concurrency_waits_and_holds_up_nobody(server: Observed) -> None:
    marker = uuid.uuid4().hex
    with box(server, "one's") as one, box(server, "b's") as b, ThreadPoolExecutor() as threads:
        first = threads.submit(one.run, hosts.until_released(marker), limits=LIMITS)
        hosts.eventually(lambda: hosts.marked(marker), "the program runs")
        second = threads.submit(one.run, "pass", limits=LIMITS)
        hosts.eventually(lambda: server.samples().of("trialbox_tenant_queue_requests", tenant="one") == 1, "one waits")
        assert server.samples().of("trialbox_tenant_running_requests", tenant="one") == 1
        with pytest.raises(QueueFullError, match="queue_size") as raised:
            one.run("pass", limits=LIMITS)
        assert raised.value.reason == "QUOTA_EXCEEDED" and raised.value.retry_after_seconds == 1
        assert b.run("print(2)").stdout == b"2\n", "a free slot is no use to the first tenant"
        assert not second.done()
        _release(marker)
        assert first.result().outcome is second.result().outcome is Outcome.SUCCEEDED


def test_while_one_tenant_floods_the_server_another_that_was_just_here_finds_a_slot_free(file: Path) -> None:
    # Longer than the busiest machine takes from one program to the next.
    settings = {"SLOTS": "2", "TENANTS_FILE": str(file), "RESERVED_SLOT_SECONDS": "60"}
    marker = uuid.uuid4().hex
    with (
        observed(settings) as server,
        box(server, "a's") as a,
        box(server, "b's") as b,
        ThreadPoolExecutor() as threads,
    ):
        assert b.run("print(0)").stdout == b"0\n"
        flood = [threads.submit(a.run, hosts.until_released(marker), limits=LIMITS) for _ in range(5)]
        for number in range(3):
            hosts.eventually(
                lambda: server.samples().of("trialbox_tenant_queue_requests", tenant="a") == 4, "one of the flood runs"
            )
            assert b.run(f"print({number})").stdout == f"{number}\n".encode()
        assert server.samples().of("trialbox_tenant_running_requests", tenant="a") == 1
        hosts.eventually(lambda: not _release(marker) and all(map(Future.done, flood)), "the flood has run")
        assert {execution.result().outcome for execution in flood} == {Outcome.SUCCEEDED}


def test_what_a_batch_runs_at_once_is_bounded_as_well(server: Observed) -> None:
    marker = uuid.uuid4().hex
    with box(server, "one's") as one, ThreadPoolExecutor() as threads:
        many = threads.submit(lambda: list(one.run_many([hosts.until_released(marker)] * 2, limits=LIMITS)))
        hosts.eventually(lambda: hosts.marked(marker), "a program runs")
        hosts.eventually(lambda: server.samples().of("trialbox_tenant_queue_requests", tenant="one") == 1, "one waits")
        assert server.samples().of("trialbox_tenant_running_requests", tenant="one") == 1
        with Sandbox(server.address, token="one's", retry=False) as again, pytest.raises(SandboxError, match="streams"):
            list(again.run_many(["pass"], limits=LIMITS))
        hosts.eventually(lambda: not _release(marker) and many.done(), "both were let go")
        assert [execution.outcome for execution in many.result()] == [Outcome.SUCCEEDED] * 2


def test_a_rate_is_told_with_when_to_try_again(server: Observed) -> None:
    with grpc.insecure_channel(server.address) as channel:
        info = SandboxServiceStub(channel).GetServerInfo
        info(GetServerInfoRequest(), metadata=_bearer("slow's"))
        with pytest.raises(grpc.RpcError) as raised:
            info(GetServerInfoRequest(), metadata=_bearer("slow's"))
    error: Any = raised.value
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert _info(error).reason == "QUOTA_EXCEEDED"
    (violation,) = _detail(error, error_details_pb2.QuotaFailure()).violations
    assert violation.subject == "requests_per_second"
    seconds = _detail(error, error_details_pb2.RetryInfo()).retry_delay.ToTimedelta().total_seconds()
    assert 0 < seconds <= 100
    pushback = dict(error.trailing_metadata())["grpc-retry-pushback-ms"]
    assert int(pushback) == pytest.approx(seconds * 1000, abs=1)


@pytest.mark.parametrize("how", ["by itself", "SIGHUP"])
def test_a_changed_file_is_taken_up_without_a_restart(server: Observed, file: Path, how: str) -> None:
    name = f"new-{uuid.uuid4().hex}"
    with box(server, name) as new, box(server, "a's") as a:
        with pytest.raises(AccessDeniedError):
            new.server_info()
        broken = len(server.logged("tenants_not_reloaded"))
        file.write_text("[tenants.broken")
        _signal(server, how)
        hosts.eventually(lambda: len(server.logged("tenants_not_reloaded")) > broken, "the broken file is refused")
        a.server_info()
        replacement = file.with_suffix(".new")
        replacement.write_text(FIRST_FILE + tenant(name, name))
        replacement.rename(file)
        _signal(server, how)
        hosts.eventually(lambda: _serves(new), "the new tenant is known")
        file.write_text(FIRST_FILE)
        _signal(server, how)
        hosts.eventually(lambda: not _serves(new), "the new tenant is unknown again")
        a.server_info()


def test_a_stream_that_is_open_ends_with_the_right_to_it(server: Observed, file: Path) -> None:
    name = f"leaver-{uuid.uuid4().hex}"
    file.write_text(FIRST_FILE + tenant(name, name))
    with box(server, name) as leaver:
        hosts.eventually(lambda: _serves(leaver), "the new tenant is known")

        def programs() -> Iterator[str]:
            yield "print(1)"
            file.write_text(FIRST_FILE)
            hosts.eventually(lambda: not _serves(leaver), "it is unknown again")
            yield "print(2)"

        executions = leaver.run_many(programs(), limits=LIMITS, in_flight=1)
        assert next(executions).stdout == b"1\n"
        with pytest.raises(AccessDeniedError):
            next(executions)


def _signal(server: Observed, how: str) -> None:
    if how == "SIGHUP":
        os.kill(server.server.pid, signal.SIGHUP)


def _serves(sandbox: Sandbox) -> bool:
    try:
        sandbox.server_info()
    except AccessDeniedError:
        return False
    return True


def _release(marker: str) -> bool:
    """Let programs go on; returns whether there were any."""
    pids = hosts.marked(marker)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)
    return bool(pids)


def _info(error: Any) -> error_details_pb2.ErrorInfo:
    return _detail(error, error_details_pb2.ErrorInfo())


def _detail(error: Any, detail: Any) -> Any:
    metadata = dict(error.trailing_metadata())
    told = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    assert any(packed.Unpack(detail) for packed in told.details)
    return detail
