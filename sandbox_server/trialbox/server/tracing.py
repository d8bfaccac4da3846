"""Traces, where the operator has configured OpenTelemetry's environment (OTEL_*); else nothing here does anything."""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import structlog

from trialbox.server.model import Limits, Usage

if TYPE_CHECKING:
    from trialbox.server.spans import Spans

_NOTHING = contextlib.nullcontext()
_spans: "Spans | None" = None

_log = structlog.get_logger(__name__)


@contextlib.contextmanager
def started() -> Iterator[None]:
    """Trace as the environment says, until the end; where it can't be done the log says why."""
    global _spans
    if not _is_asked_for():
        yield
        return
    try:
        from trialbox.server.spans import Spans

        _spans = Spans()
    except (ImportError, ValueError) as error:
        # OTEL_* may be meant for another program of this environment: no reason not to serve.
        remedy = "pip install 'trialbox[telemetry]'" if isinstance(error, ImportError) else "set it so"
        _log.warning("no_tracing", error=str(error), remedy=f"{remedy}, or unset OTEL_*")
        yield
        return
    try:
        yield
    finally:
        spans, _spans = _spans, None
        spans.stop()


def call(method: str, metadata: Iterable[tuple[str, Any]]) -> "AbstractContextManager[Any]":
    """Open the span of an RPC, under its caller's; the task that handles it has it as its current one."""
    return _spans.call(method, metadata) if _spans is not None else _NOTHING


def ended(code: str) -> None:
    """Say with which status the current RPC ends."""
    if _spans is not None:
        _spans.ended(code)


def span(name: str) -> "AbstractContextManager[Any]":
    """Open a span under the current one."""
    return _spans.span(name) if _spans is not None else _NOTHING


def asked(request_id: str, runtime: str, isolation: str, limits: Limits) -> None:
    """Say on the current span what was asked: never what a program holds."""
    if _spans is not None:
        _spans.asked(request_id, runtime, isolation, limits)


def note(**attributes: str | int | float | bool) -> None:
    """Say something on the current span."""
    if _spans is not None:
        _spans.note(**attributes)


def phases(begun: int, usage: Usage, *, collects: bool = False) -> None:
    """Put what `usage` tells below the current span, from `begun` until now: see `now`."""
    if _spans is not None:
        _spans.phases(begun, usage, collects=collects)


def waited(begun: int, seconds: float) -> None:
    """Put a wait for a turn below the current span."""
    if _spans is not None:
        _spans.waited(begun, seconds)


def now() -> int:
    """Nanoseconds, as spans count them."""
    return time.time_ns()


def ids() -> dict[str, str]:
    """Name the current span, for logs; empty where there is none."""
    return _spans.ids() if _spans is not None else {}


def _is_asked_for() -> bool:
    environment = os.environ
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if exporter := environment.get("OTEL_TRACES_EXPORTER"):
        return exporter != "none"
    return any(environment.get(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT") for name in ("", "TRACES_"))
