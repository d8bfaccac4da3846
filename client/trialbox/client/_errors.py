"""Everything that can go wrong between a caller and a program's outcome.

A program that crashes, hangs or runs out of memory is no error: it has an outcome. These are the rest:

    SandboxError
    ├── InvalidRequestError (ValueError)      the request can't be served as it is; `violations` name the fields
    ├── ResourceExhaustedError                there is no room for it
    │   ├── QueueFullError                    ... now: try again after `retry_after_seconds`
    │   └── MessageTooLargeError              ... ever
    ├── UnavailableError                      nobody served it: not reached, stopping, or the slot broke
    │   └── LocalServerError                  the embedded server did not start
    ├── DeadlineExceededError (TimeoutError)  no answer came in time
    ├── CallCancelledError                    the call was given up here
    ├── AccessDeniedError                     the token is missing, wrong, or not good for this
    ├── UnsupportedError                      the server, set up as it is, can't do this
    └── InternalError                         the server broke its contract
"""

from dataclasses import dataclass

from grpc import StatusCode


class SandboxError(Exception):
    """The infrastructure failed, or refused. Nothing is known about the program.

    Attributes:
        code: The gRPC status.
        reason: What went wrong, in one stable UPPER_SNAKE word; empty when the server gave none.
        retryable: Whether the same request may succeed if it is sent again later. Execution is pure, so it
            is always safe to do so.
        request_id: The name the request went by, or empty.
        index: The place in the input of `run_many` or `evaluate_many` that failed; None elsewhere.
    """

    def __init__(
        self,
        message: str,
        *,
        code: StatusCode = StatusCode.UNKNOWN,
        reason: str = "",
        retryable: bool = False,
        request_id: str = "",
        index: int | None = None,
    ) -> None:
        """Keep the message and the facts beside it."""
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.retryable = retryable
        self.request_id = request_id
        self.index = index


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldViolation:
    """One field of a request that is wrong, by its path, and what is wrong with it."""

    field: str
    description: str


class InvalidRequestError(SandboxError, ValueError):
    """The request can't be served as it is.

    Attributes:
        violations: The fields that are wrong.
    """

    violations: tuple[FieldViolation, ...] = ()

    @classmethod
    def of_field(cls, field: str, description: str) -> "InvalidRequestError":
        """Refuse a request for one field, before it is sent."""
        error = cls(f"{field}: {description}", code=StatusCode.INVALID_ARGUMENT, reason="INVALID_REQUEST")
        error.violations = (FieldViolation(field=field, description=description),)
        return error


class ResourceExhaustedError(SandboxError):
    """There is no room for the request."""


class QueueFullError(ResourceExhaustedError):
    """The server has as many requests waiting as it takes, or the caller as much as its quota there allows.

    The message names the quota.

    Attributes:
        retry_after_seconds: When to try again, as the server sees it; None where it didn't say.
    """

    retry_after_seconds: float | None = None


class MessageTooLargeError(ResourceExhaustedError):
    """The request or its answer is larger than a message may be."""


class UnavailableError(SandboxError):
    """Nobody served the request: the server was not reached, is stopping, or the slot broke."""


class LocalServerError(UnavailableError):
    """The embedded server did not start."""


class DeadlineExceededError(SandboxError, TimeoutError):
    """No answer came in time. The server was told to drop the request."""


class CallCancelledError(SandboxError):
    """The call was given up here: the client was closed."""


class AccessDeniedError(SandboxError):
    """The token is missing, wrong, or not good for this."""


class UnsupportedError(SandboxError):
    """The server, set up as it is, can't do this."""


class InternalError(SandboxError):
    """The server broke its contract."""
