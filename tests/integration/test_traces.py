"""A trace goes on in the server: what the caller waited for, under the caller's span, and nothing of the program."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator

import grpc
import otlp
import pytest
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from telemetry_stage import Observed, observed

from trialbox.client import AsyncSandbox, Call, Check, InvalidRequestError, Limits, Sandbox, Stdio, Suite
from trialbox.v1 import execution_pb2, sandbox_service_pb2
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceStub

SERVICE = "trialbox.v1.SandboxService"
Case = Call | Check | Stdio
ADD = "def add(a, b): return a + b"
TRACER = TracerProvider().get_tracer("a caller")


@pytest.fixture(scope="module")
def collector() -> Iterator[otlp.Collector]:
    with otlp.collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(collector: otlp.Collector) -> Iterator[Observed]:
    """A server that traces."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.port}")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        environment.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=tests")
        with observed({"SLOTS": "1", "SPARE_SLOTS": "0"}) as server:
            yield server


@pytest.fixture
def box(server: Observed) -> Iterator[Sandbox]:
    with Sandbox(server.address) as box:
        yield box


@pytest.fixture
def caller() -> Iterator[trace.SpanContext]:
    """A span of the caller's, the current one."""
    with TRACER.start_as_current_span("a caller's") as span:
        yield span.get_span_context()


def _server_span(collector: otlp.Collector, caller: trace.SpanContext, method: str) -> Span:
    span = collector.called(f"{SERVICE}/{method}", parent_span_id=caller.span_id.to_bytes(8, "big"))
    assert span.trace_id == caller.trace_id.to_bytes(16, "big")
    assert span.kind == Span.SPAN_KIND_SERVER
    return span


def test_an_execution_is_traced_under_its_callers_span(
    collector: otlp.Collector, box: Sandbox, caller: trace.SpanContext
) -> None:
    limits = Limits(wall_seconds=5, memory_bytes=64 << 20)
    done = box.run("open('out', 'w').write('x'); import time; time.sleep(0.02)", limits=limits, collect=["out"])
    span = _server_span(collector, caller, "Execute")
    told = otlp.attributes(span)
    assert told["rpc.grpc.status_code"] == "OK"
    assert told["trialbox.outcome"] == "SUCCEEDED"
    assert (told["trialbox.runtime"], told["trialbox.isolation"]) == ("python", "WARM")
    assert told["trialbox.request_id"] == done.request_id
    assert (told["trialbox.limits.wall_seconds"], told["trialbox.limits.memory_bytes"]) == (5, 64 << 20)
    queue, setup, run, collect = collector.below(span)
    assert [child.name for child in (queue, setup, run, collect)] == ["queue", "set-up", "run", "collect"]
    assert otlp.seconds(queue) == pytest.approx(done.usage.queue_seconds, abs=1e-6)
    assert otlp.seconds(setup) == pytest.approx(done.usage.setup_seconds, abs=1e-6)
    assert otlp.seconds(run) == pytest.approx(done.usage.wall_seconds, abs=1e-6)
    at = span.start_time_unix_nano
    for child in (queue, setup, run, collect):
        assert at <= child.start_time_unix_nano <= child.end_time_unix_nano <= span.end_time_unix_nano
        at = child.end_time_unix_nano


def test_what_is_logged_names_the_trace(server: Observed, box: Sandbox, caller: trace.SpanContext) -> None:
    done = box.run("pass")
    (line,) = (line for line in server.logged("executed") if line["request_id"] == done.request_id)
    assert line["trace_id"] == trace.format_trace_id(caller.trace_id)


def test_an_asynchronous_caller_is_followed_too(
    collector: otlp.Collector, server: Observed, caller: trace.SpanContext
) -> None:
    async def run() -> None:
        async with AsyncSandbox(server.address) as box:
            await box.run("pass")
            async for _ in box.run_many(["pass"]):
                pass

    asyncio.run(run())
    _server_span(collector, caller, "Execute")
    _server_span(collector, caller, "ExecuteBatch")


def test_each_program_of_a_stream_has_a_span_of_its_own(
    collector: otlp.Collector, box: Sandbox, caller: trace.SpanContext
) -> None:
    done = list(box.run_many(["pass", "raise SystemExit(1)"], ordered=True))
    span = _server_span(collector, caller, "ExecuteBatch")
    executions = {otlp.attributes(child)["trialbox.request_id"]: child for child in collector.below(span)}
    assert {child.name for child in executions.values()} == {"execution"}
    for execution in done:
        child = executions[execution.request_id]
        assert otlp.attributes(child)["trialbox.outcome"] == execution.outcome.name
        assert [phase.name for phase in collector.below(child)] == ["queue", "set-up", "run"]


def test_an_evaluation_shows_judge_and_candidates(
    collector: otlp.Collector, box: Sandbox, caller: trace.SpanContext
) -> None:
    cases: list[Case] = [
        Call("add", (1, 2), expected=3),
        Check("assert add(0, 0) == 0", shared=True),
        Stdio(stdin=b"", expected=b"3"),
    ]
    evaluation = box.evaluate(ADD, Suite(cases))
    span = _server_span(collector, caller, "Evaluate")
    told = otlp.attributes(span)
    assert (told["trialbox.cases"], told["trialbox.passed"]) == (3, 2)
    assert told["trialbox.request_id"] == evaluation.request_id
    queue, judge, shared, stdio = collector.below(span)
    assert [child.name for child in (queue, judge, shared, stdio)] == ["queue", "judge", "candidate", "candidate"]
    (candidate,) = collector.below(judge)
    assert candidate.name == "candidate"
    ran = 0.0
    for child in (candidate, shared, stdio):
        phases = collector.below(child)
        assert [phase.name for phase in phases] == ["queue", "set-up", "run"]
        assert child.start_time_unix_nano <= phases[0].start_time_unix_nano
        assert phases[-1].end_time_unix_nano <= child.end_time_unix_nano
        ran += otlp.seconds(phases[-1])
    assert ran == pytest.approx(evaluation.usage.wall_seconds, abs=1e-6)


def test_a_stream_of_evaluations_has_a_span_for_each(
    collector: otlp.Collector, box: Sandbox, caller: trace.SpanContext
) -> None:
    suite = Suite([Call("add", (1, 2), expected=3)])
    assert len(list(box.evaluate_many([(ADD, suite), (ADD, suite)]))) == 2
    span = _server_span(collector, caller, "EvaluateBatch")
    assert [child.name for child in collector.below(span)] == ["evaluation"] * 2


def test_a_refusal_tells_its_reason_and_is_no_error_of_the_server(
    collector: otlp.Collector, box: Sandbox, caller: trace.SpanContext
) -> None:
    with pytest.raises(InvalidRequestError):
        box.run("pass", limits=Limits(wall_seconds=1e9))
    span = _server_span(collector, caller, "Execute")
    told = otlp.attributes(span)
    assert (told["rpc.grpc.status_code"], told["trialbox.refused"]) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert span.status.code == span.status.STATUS_CODE_UNSET
    assert collector.below(span) == []


def test_a_call_of_nobodys_trace_begins_one(collector: otlp.Collector, server: Observed) -> None:
    name = f"request-{uuid.uuid4()}"
    with grpc.insecure_channel(server.address) as channel:
        request = sandbox_service_pb2.ExecuteRequest(request_id=name, program=execution_pb2.Program(source=b"pass"))
        SandboxServiceStub(channel).Execute(request)
    (line,) = (line for line in server.logged("executed") if line["request_id"] == name)
    span = collector.called(f"{SERVICE}/Execute", trace_id=bytes.fromhex(line["trace_id"]))
    assert span.parent_span_id == b""


def test_the_server_says_who_it_is_and_what_the_environment_adds(
    collector: otlp.Collector, box: Sandbox, caller: trace.SpanContext
) -> None:
    box.run("pass")
    _server_span(collector, caller, "Execute")
    (resource,) = collector.requests[-1].resource_spans
    told = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
    assert (told["service.name"], told["deployment.environment"]) == ("trialbox", "tests")


def test_no_span_holds_anything_of_a_program_or_a_suite(
    collector: otlp.Collector, box: Sandbox, caller: trace.SpanContext
) -> None:
    marker = f"marker{uuid.uuid4().hex}"
    source = f"def add(a, b): return {marker!r}\nprint({marker!r})\n"
    box.run(source + f"raise ValueError({marker!r})", files={marker: marker}, env={marker: marker}, stdin=marker)
    box.evaluate(
        source,
        Suite([Call("add", (marker,), expected=marker), Check(f"assert add(1, 2) == {marker!r} + 'x', {marker!r}")]),
    )
    box.evaluate(f"raise ValueError({marker!r})", Suite([Stdio(stdin=marker, expected=marker)]))
    with pytest.raises(InvalidRequestError):
        box.run(source, runtime=marker, collect=[f"../{marker}"])
    with TRACER.start_as_current_span("the last") as last:
        box.run("pass")
    _server_span(collector, last.get_span_context(), "Execute")  # with it all before it have come
    assert marker not in str(collector.requests)


def _loaded(script: str) -> list[str]:
    code = f"{script}\nimport sys; print(*sys.modules)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_a_server_that_is_not_asked_to_trace_loads_nothing_for_it() -> None:
    script = "from trialbox.server import app, tracing\nwith tracing.started(): pass"
    loaded = _loaded(f"import os; [os.environ.pop(name) for name in list(os.environ) if 'OTEL' in name]\n{script}")
    assert "trialbox.server.app" in loaded
    assert not any(name.startswith("opentelemetry") for name in loaded)


def test_a_client_whose_caller_has_no_trace_loads_nothing_for_it() -> None:
    loaded = _loaded("from trialbox.client._wire.trace import headers\nassert headers() == ()")
    assert not any(name.startswith("opentelemetry") for name in loaded)


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "'zipkin'; otlp and none are supported"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            "'http/json'; grpc and http/protobuf are supported",
        ),
        (
            # Its exporter is not part of the extra.
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            "'http/protobuf', which takes: pip install opentelemetry-exporter-otlp-proto-http",
        ),
    ],
)
def test_what_can_not_be_traced_is_said_and_no_reason_not_to_serve(variables: dict[str, str], why: str) -> None:
    script = (
        "from trialbox.server import logs, tracing\nlogs.configure_logging('info')\n"
        "with tracing.started(): assert tracing.ids() == {}; print('served')"
    )
    ended = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    assert ended.stdout == "served\n"
    (said,) = map(json.loads, ended.stderr.splitlines())
    assert said["event"] == "no_tracing"
    assert why in said["error"]
    assert said["remedy"] == "set it so, or unset OTEL_*"


@pytest.mark.parametrize("variables", [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}])
def test_tracing_is_off_unless_asked_for(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from trialbox.server import tracing

    for name in ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    if variables:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with tracing.started(), tracing.span("anything"):
        assert tracing.ids() == {}


def test_a_callers_baggage_is_not_logged(server: Observed) -> None:
    with grpc.insecure_channel(server.address) as channel:
        SandboxServiceStub(channel).GetServerInfo(
            sandbox_service_pb2.GetServerInfoRequest(), metadata=(("baggage", "a secret of the caller's"),), timeout=30
        )
    assert "a secret" not in server.log_file.read_text()
