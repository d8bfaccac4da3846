"""What went wrong, as a google.rpc.Status: the one place that decides on codes and reasons."""

import math
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from trialbox.server.layers import LayersMissingError
from trialbox.server.model import SandboxBrokenError, WorkspaceError
from trialbox.server.quotas import QuotaExceededError
from trialbox.server.scheduler import QueueFullError, QueueQuotaError
from trialbox.server.suites import UnknownSuiteError
from trialbox.server.tenants import PermissionDeniedError, UnauthenticatedError
from trialbox.server.validation import InvalidRequestError, Violation

RETRY_SECONDS = 1
_DOMAIN = "trialbox"

_log = structlog.get_logger(__name__)


class AnswerTooLargeError(Exception):
    """An answer that no message holds."""


def pushback(status: Status) -> str:
    """When to try again, in milliseconds; negative for never."""
    retry = error_details_pb2.RetryInfo()
    return str(retry.retry_delay.ToMilliseconds()) if any(detail.Unpack(retry) for detail in status.details) else "-1"


async def abort(context: "grpc.aio.ServicerContext[Any, Any]", status: Status) -> NoReturn:
    """End a call with this status."""
    told = rpc_status.to_status(status)
    metadata = tuple(told.trailing_metadata)
    if status.code == code_pb2.RESOURCE_EXHAUSTED:
        # What gRPC's own retries heed; RetryInfo is for people and other libraries.
        metadata += (("grpc-retry-pushback-ms", pushback(status)),)
    await context.abort(told.code, told.details, metadata)
    raise AssertionError("abort returned")


def reason(status: Status) -> str:
    """Say why, in a word of ours."""
    info = error_details_pb2.ErrorInfo()
    return info.reason if any(detail.Unpack(info) for detail in status.details) else ""


def of(error: Exception) -> Status:
    """Say what `error` means to a caller; one that is not expected is the server's own."""
    if isinstance(error, InvalidRequestError):
        details = error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.description)
                for v in error.violations
            ]
        )
        return _packed(code_pb2.INVALID_ARGUMENT, str(error), "INVALID_REQUEST", details)
    if isinstance(error, WorkspaceError):
        return of(InvalidRequestError([Violation("program.files", f"can't be laid out: {error}")]))
    if isinstance(error, QueueFullError):
        return _packed(code_pb2.RESOURCE_EXHAUSTED, str(error), "QUEUE_FULL", _retry(RETRY_SECONDS))
    if isinstance(error, QueueQuotaError):
        return of(QuotaExceededError("queue_size", str(error), RETRY_SECONDS))
    if isinstance(error, QuotaExceededError):
        violation = error_details_pb2.QuotaFailure.Violation(subject=error.quota, description=str(error))
        failure = error_details_pb2.QuotaFailure(violations=[violation])
        # Never sooner: many who wait for the same place would only refuse each other.
        retry = _retry(max(error.retry_seconds, RETRY_SECONDS))
        return _packed(code_pb2.RESOURCE_EXHAUSTED, str(error), "QUOTA_EXCEEDED", failure, retry)
    if isinstance(error, UnauthenticatedError):
        return _packed(code_pb2.UNAUTHENTICATED, str(error), error.reason)
    if isinstance(error, PermissionDeniedError):
        return _packed(code_pb2.PERMISSION_DENIED, str(error), error.reason)
    if isinstance(error, UnknownSuiteError):
        return _packed(code_pb2.NOT_FOUND, str(error), "UNKNOWN_SUITE")
    if isinstance(error, AnswerTooLargeError):
        return _packed(code_pb2.RESOURCE_EXHAUSTED, str(error), "MESSAGE_TOO_LARGE")
    if isinstance(error, LayersMissingError):
        return _packed(code_pb2.UNAVAILABLE, str(error), "LAYERS_MISSING")
    if isinstance(error, SandboxBrokenError):
        _log.error("sandbox_broken", error=str(error))
        return _packed(code_pb2.UNAVAILABLE, f"the sandbox failed, not the program: {error}", "SANDBOX_BROKEN")
    _log.error("internal_error", exc_info=error)
    return _packed(code_pb2.INTERNAL, "an error inside the server; see its log", "INTERNAL")


def _retry(seconds: float) -> error_details_pb2.RetryInfo:
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(math.ceil(seconds * 1000))
    return error_details_pb2.RetryInfo(retry_delay=delay)


def _packed(code: int, message: str, reason: str, *details: Message) -> Status:
    status = Status(code=code, message=message)
    for detail in (error_details_pb2.ErrorInfo(reason=reason, domain=_DOMAIN), *details):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
