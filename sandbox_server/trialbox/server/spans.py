"""Spans by OpenTelemetry's SDK; `tracing` is what the rest of the server uses, and loads this only when asked to."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from importlib import import_module, metadata
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode

from trialbox.server.model import Limits, Usage
from trialbox.server.tracing import now

_EXPORTERS = {
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http",
}
_PREFIX = "trialbox."
_SECOND = 1_000_000_000
# Of no use here; OpenTelemetry logs what it can't read of it, whoever sent it.
_BAGGAGE = "baggage"
# Of a caller, by OpenTelemetry's conventions: the server did what it should.
_CALLERS_FAULT = {"OK", "CANCELLED", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED"}


class Spans:
    """Makes spans and has them sent in the background."""

    def __init__(self) -> None:
        """Read OTEL_*; raises ImportError and ValueError where what is asked for isn't there."""
        version = metadata.version("trialbox")
        attributes: dict[str, str] = {SERVICE_VERSION: version}
        if "OTEL_SERVICE_NAME" not in os.environ:
            attributes[SERVICE_NAME] = "trialbox"
        self._provider = TracerProvider(resource=Resource.create(attributes))
        self._provider.add_span_processor(BatchSpanProcessor(_exporter()))
        self._tracer = self._provider.get_tracer("trialbox", version)

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    @contextlib.contextmanager
    def call(self, method: str, metadata: Iterable[tuple[str, Any]]) -> Iterator[None]:
        """Open the span of an RPC; see tracing.call."""
        carrier = {key: value for key, value in metadata if isinstance(value, str) and key != _BAGGAGE}
        service, _, name = method.lstrip("/").partition("/")
        span = self._tracer.start_span(
            f"{service}/{name}",
            propagate.extract(carrier),
            SpanKind.SERVER,
            {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )
        # Never taken back: a stream's handler is no place for that, and the task ends with the call.
        context.attach(trace.set_span_in_context(span))
        try:
            yield
        finally:
            span.end()

    def ended(self, code: str) -> None:
        """See tracing.ended."""
        span = trace.get_current_span()
        span.set_attribute("rpc.grpc.status_code", code)
        if code not in _CALLERS_FAULT:
            span.set_status(StatusCode.ERROR)

    def span(self, name: str) -> AbstractContextManager[Span]:
        """See tracing.span. What an exception says may be a program's words: its type is all that is kept."""
        return self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False)

    def asked(self, request_id: str, runtime: str, isolation: str, limits: Limits) -> None:
        """See tracing.asked."""
        told = {f"limits.{name}": value for name, value in asdict(limits).items() if value is not None}
        self.note(request_id=request_id, runtime=runtime, isolation=isolation, **told)

    def note(self, **attributes: str | int | float | bool) -> None:
        """See tracing.note."""
        span = trace.get_current_span()
        for name, value in attributes.items():
            span.set_attribute(_PREFIX + name, value)

    def phases(self, begun: int, usage: Usage, *, collects: bool) -> None:
        """See tracing.phases."""
        if not trace.get_current_span().is_recording():
            return
        until = now()
        setup, run = int(usage.setup_seconds * _SECOND), int(usage.wall_seconds * _SECOND)
        # An evaluation's first program is charged with the wait for its turn, which was before `begun`.
        queue = max(0, min(int(usage.queue_seconds * _SECOND), until - begun - setup - run))
        at = begun
        for name, length in (("queue", queue), ("set-up", setup), ("run", run)):
            self._tracer.start_span(name, start_time=at).end(at + length)
            at += length
        if collects:
            self._tracer.start_span("collect", start_time=at).end(max(at, until))

    def waited(self, begun: int, seconds: float) -> None:
        """See tracing.waited."""
        self._tracer.start_span("queue", start_time=begun).end(begun + int(seconds * _SECOND))

    def ids(self) -> dict[str, str]:
        """See tracing.ids."""
        told = trace.get_current_span().get_span_context()
        if not told.is_valid:
            return {}
        return {"trace_id": trace.format_trace_id(told.trace_id), "span_id": trace.format_span_id(told.span_id)}


def _exporter() -> SpanExporter:
    wanted = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    if wanted != "otlp":
        raise ValueError(f"OTEL_TRACES_EXPORTER is {wanted!r}; otlp and none are supported")
    general = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general)
    if protocol not in _EXPORTERS:
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}; {' and '.join(_EXPORTERS)} are supported")
    try:
        module = import_module(f"{_EXPORTERS[protocol]}.trace_exporter")
    except ModuleNotFoundError:
        needed = _EXPORTERS[protocol].replace(".", "-")
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}, which takes: pip install {needed}") from None
    exporter: SpanExporter = module.OTLPSpanExporter()
    return exporter
