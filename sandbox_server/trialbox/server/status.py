"""What went wrong, as a google.rpc.Status: the one place that decides on codes and reasons."""

import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from trialbox.server.layers import LayersMissingError
from trialbox.server.model import SandboxBrokenError, WorkspaceError
from trialbox.server.scheduler import QueueFullError
from trialbox.server.suites import UnknownSuiteError
from trialbox.server.validation import InvalidRequestError, Violation

RETRY_SECONDS = 1
_DOMAIN = "trialbox"
_RETRY = error_details_pb2.RetryInfo.DESCRIPTOR

_log = structlog.get_logger(__name__)


class AnswerTooLargeError(Exception):
    """An answer that no message holds."""


def pushback(status: status_pb2.Status) -> str:
    """When to try again, in milliseconds; negative for never."""
    return str(RETRY_SECONDS * 1000) if any(detail.Is(_RETRY) for detail in status.details) else "-1"


def reason(status: status_pb2.Status) -> str:
    """Say why, in a word of ours."""
    info = error_details_pb2.ErrorInfo()
    return info.reason if any(detail.Unpack(info) for detail in status.details) else ""


def of(error: Exception) -> status_pb2.Status:
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
        retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=RETRY_SECONDS))
        return _packed(code_pb2.RESOURCE_EXHAUSTED, str(error), "QUEUE_FULL", retry)
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


def _packed(code: int, message: str, reason: str, *details: Message) -> status_pb2.Status:
    status = status_pb2.Status(code=code, message=message)
    for detail in (error_details_pb2.ErrorInfo(reason=reason, domain=_DOMAIN), *details):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
