"""Sees every RPC from its beginning to its end: counts it by its code, and has it traced under its caller's trace.

No library does it for grpc.aio: py-grpc-prometheus wraps synchronous servers only, grpcio-observability demands one
exact version of grpcio, and OpenTelemetry's instrumentation counts nothing on the server's side.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import grpc

from trialbox.server import tracing
from trialbox.server.metrics import Metrics

# The stubs make generics of what are plain classes when they run.
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# By whether there are many requests, many responses.
_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., _Handler]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
# Probes come every few seconds, and belong to nobody's trace.
_TRACED = "/trialbox."
_UNKNOWN = "unknown"


def wrapped(
    handler: _Handler, one: Callable[[Callable[..., Any]], Any], many: Callable[[Callable[..., Any]], Any]
) -> _Handler:
    """Have what `one` makes of its function in a handler, or what `many` does where there are many responses."""
    kind, make = _KINDS[handler.request_streaming, handler.response_streaming]
    wrap = many if handler.response_streaming else one
    return make(wrap(getattr(handler, kind)), handler.request_deserializer, handler.response_serializer)


class CallObserver(grpc.aio.ServerInterceptor):
    """Wraps the handlers of all methods; the first of the interceptors, so that it sees what others refuse."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        """Wrap the handler of this call."""
        handler = await continuation(handler_call_details)
        if handler is None:  # no such method; its name is any text
            self._metrics.call_started(_UNKNOWN, _UNKNOWN)
            self._metrics.call_ended(_UNKNOWN, _UNKNOWN, grpc.StatusCode.UNIMPLEMENTED.name, 0.0)
            return None
        method = str(handler_call_details.method)
        return wrapped(handler, partial(self._one, method), partial(self._many, method))

    def _one(self, method: str, handle: Callable[..., Any]) -> Callable[[Any, _Context], Awaitable[Any]]:
        async def observed(request: Any, context: _Context) -> Any:
            with self._seen(method, context):
                return await handle(request, context)

        return observed

    def _many(self, method: str, handle: Callable[..., Any]) -> Callable[[Any, _Context], AsyncIterator[Any]]:
        async def observed(request: Any, context: _Context) -> AsyncIterator[Any]:
            with self._seen(method, context):
                answers = handle(request, context)
                if hasattr(answers, "__aiter__"):
                    async for answer in answers:
                        yield answer
                else:  # it writes its answers itself, as health's does
                    await answers

        return observed

    @contextlib.contextmanager
    def _seen(self, method: str, context: _Context) -> Iterator[None]:
        service, _, name = method.lstrip("/").partition("/")
        self._metrics.call_started(service, name)
        traced = method.startswith(_TRACED)
        began = time.monotonic()
        code = grpc.StatusCode.CANCELLED
        with tracing.call(method, context.invocation_metadata() or ()) if traced else contextlib.nullcontext():
            try:
                yield
                code = _status(context)
            except grpc.aio.AbortError:
                code = _status(context)
                raise
            except Exception:
                code = grpc.StatusCode.UNKNOWN
                raise
            finally:
                self._metrics.call_ended(service, name, code.name, time.monotonic() - began)
                if traced:
                    tracing.ended(code.name)


def _status(context: _Context) -> grpc.StatusCode:
    """The status that the handler has set, OK where it has set none."""
    code: Any = context.code()
    return code if isinstance(code, grpc.StatusCode) else _CODES[code or 0]
