"""A receiver of traces, as a collector is, which keeps what it is sent."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import hosts
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


def attributes(span: Span) -> dict[str, Any]:
    """What a span says, by name."""
    return {told.key: getattr(told.value, told.value.WhichOneof("value") or "") for told in span.attributes}


def seconds(span: Span) -> float:
    """How long it took."""
    return (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


@dataclass(slots=True)
class Collector:
    """What has come."""

    port: int = 0
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """All spans so far."""
        return [
            span
            for request in list(self.requests)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def called(self, name: str, **has: bytes) -> Span:
        """Wait for the span of this name and these ids, and with it for those below, which end before it."""

        def found() -> list[Span]:
            named = (span for span in self.spans() if span.name == name)
            return [span for span in named if all(getattr(span, key) == value for key, value in has.items())]

        hosts.eventually(found, f"a span {name}")
        (span,) = found()
        return span

    def below(self, parent: Span) -> list[Span]:
        """Its children, in the order in which they began."""
        children = [span for span in self.spans() if span.parent_span_id == parent.span_id]
        return sorted(children, key=lambda span: (span.start_time_unix_nano, span.end_time_unix_nano))

    def take(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:
        """Keep what an exporter sends."""
        self.requests.append(request)
        return ExportTraceServiceResponse()


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """Receive traces on a port of this machine."""
    collector = Collector()
    handler = grpc.unary_unary_rpc_method_handler(
        collector.take, ExportTraceServiceRequest.FromString, ExportTraceServiceResponse.SerializeToString
    )
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler}),))
    collector.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait()
