"""From a gRPC status to one exception of the tree; does no I/O."""

import contextlib
from collections.abc import Iterable
from typing import Any

from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from trialbox.client import _errors as errors

_DETAILS_KEY = "grpc-status-details-bin"
_DOMAIN = "trialbox"

# A reason says more than a status, so it is asked first.
_BY_REASON: dict[str, type[errors.SandboxError]] = {
    "QUEUE_FULL": errors.QueueFullError,
    "QUOTA_EXCEEDED": errors.QueueFullError,
    "MESSAGE_TOO_LARGE": errors.MessageTooLargeError,
}
BY_CODE: dict[StatusCode, type[errors.SandboxError]] = {
    StatusCode.INVALID_ARGUMENT: errors.InvalidRequestError,
    StatusCode.OUT_OF_RANGE: errors.InvalidRequestError,
    StatusCode.RESOURCE_EXHAUSTED: errors.ResourceExhaustedError,
    StatusCode.UNAVAILABLE: errors.UnavailableError,
    StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceededError,
    # By a server that stops; who gives up here asks no status (see client_closed).
    StatusCode.CANCELLED: errors.UnavailableError,
    StatusCode.UNAUTHENTICATED: errors.AccessDeniedError,
    StatusCode.PERMISSION_DENIED: errors.AccessDeniedError,
    StatusCode.FAILED_PRECONDITION: errors.UnsupportedError,
    StatusCode.UNIMPLEMENTED: errors.UnsupportedError,
    # The contract knows none of these.
    StatusCode.UNKNOWN: errors.InternalError,
    StatusCode.NOT_FOUND: errors.InternalError,
    StatusCode.ALREADY_EXISTS: errors.InternalError,
    StatusCode.ABORTED: errors.InternalError,
    StatusCode.INTERNAL: errors.InternalError,
    StatusCode.DATA_LOSS: errors.InternalError,
}
_RETRYABLE = (errors.UnavailableError, errors.QueueFullError)
_CODES = {code.value[0]: code for code in BY_CODE}


def error_of_call(call: Any) -> errors.SandboxError:
    """Translate a failed call: the `grpc.RpcError` of the synchronous or of the asyncio client."""
    for key, value in call.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            try:
                details = status_pb2.Status.FromString(value).details
            except DecodeError:
                break
            return _error(call.code(), call.details(), details)
    return _error(call.code(), call.details(), ())


def error_of_status(status: status_pb2.Status, request_id: str, index: int) -> errors.SandboxError:
    """Translate the status of one request on a stream."""
    error = _error(_CODES.get(status.code, StatusCode.UNKNOWN), status.message, status.details)
    error.request_id, error.index = request_id, index
    return error


def client_closed() -> errors.CallCancelledError:
    """The caller closed the client before an answer came, or before it asked."""
    return errors.CallCancelledError("the client is closed", code=StatusCode.CANCELLED, reason="CLIENT_CLOSED")


def stream_ended(request_id: str = "") -> errors.UnavailableError:
    """The server ended a stream in good order, which it does when it stops."""
    return errors.UnavailableError(
        "the server ended the stream",
        code=StatusCode.UNAVAILABLE,
        reason="STREAM_ENDED",
        retryable=True,
        request_id=request_id,
    )


def silence(seconds: float) -> errors.DeadlineExceededError:
    """Nothing was heard on a stream for too long."""
    return errors.DeadlineExceededError(
        f"no answer on the stream for {seconds} s", code=StatusCode.DEADLINE_EXCEEDED, reason="SILENCE"
    )


def _error(code: StatusCode, message: str | None, details: Iterable[any_pb2.Any]) -> errors.SandboxError:
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry_info = error_details_pb2.RetryInfo()
    for detail in details:
        for known in (info, bad_request, retry_info):
            if detail.Is(known.DESCRIPTOR):
                with contextlib.suppress(DecodeError):
                    detail.Unpack(known)
    reason = info.reason if info.domain == _DOMAIN else ""
    kind = _BY_REASON.get(reason) or BY_CODE[code]
    error = kind(message or code.name, code=code, reason=reason)
    error.retryable = isinstance(error, _RETRYABLE)
    if isinstance(error, errors.InvalidRequestError):
        error.violations = tuple(
            errors.FieldViolation(field=violation.field, description=violation.description)
            for violation in bad_request.field_violations
        )
    if isinstance(error, errors.QueueFullError) and retry_info.HasField("retry_delay"):
        error.retry_after_seconds = retry_info.retry_delay.ToTimedelta().total_seconds()
    return error
