"""From what a caller asks for to the contract's messages."""

import contextlib
import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from grpc import StatusCode

from trialbox.client._errors import InvalidRequestError, MessageTooLargeError
from trialbox.client._requests import Call, Case, Check, Comparator, Comparison, Limits, Program, Stdio, Suite
from trialbox.client._results import IsolationPath
from trialbox.v1 import MAX_MESSAGE_BYTES, evaluation_pb2, execution_pb2, sandbox_service_pb2, values

INFO_SECONDS = 10.0
QUEUE_ALLOWANCE_SECONDS = 60.0
_LONGEST_WALL_SECONDS = 24 * 3600.0

_LIMIT_NAMES = tuple(limit.name for limit in fields(Limits))
_PATH_NUMBERS = {path: execution_pb2.IsolationPath.Value(f"ISOLATION_PATH_{path.name}") for path in IsolationPath}
_COMPARATOR_NUMBERS = {word: evaluation_pb2.Comparator.Kind.Value(f"KIND_{word.name}") for word in Comparator}
_COMPARISON_NUMBERS = {
    word: evaluation_pb2.StdioCase.Comparison.Value(f"COMPARISON_{word.name}") for word in Comparison
}

_Request = TypeVar("_Request", sandbox_service_pb2.ExecuteRequest, sandbox_service_pb2.EvaluateRequest)


def as_program(program: Program | str | bytes, **overrides: Any) -> Program:
    """Make a program of a source, and put each override that isn't None in its place."""
    program = program if isinstance(program, Program) else Program(program)
    given = {name: value for name, value in overrides.items() if value is not None}
    return replace(program, **given) if given else program


def execute_request(
    program: Program | str | bytes,
    *,
    limits: Limits | None,
    collect: Sequence[str],
    isolation: IsolationPath | str | None,
) -> sandbox_service_pb2.ExecuteRequest:
    """Write a request to run `program`, under a request id of its own.

    Raises:
        InvalidRequestError: The contract's messages can't carry a value.
        MessageTooLargeError: The request is larger than a message may be.
    """
    request = sandbox_service_pb2.ExecuteRequest(request_id=uuid.uuid4().hex)
    _fill_program(request.program, program)
    _fill_limits(request.limits, limits)
    if collect != ():
        with _naming("collect"):
            request.collect.extend(_not_one_text(collect))
    request.isolation = _path_number(isolation)
    return of_bounded_size(request)


def evaluate_request(
    program: Program | str | bytes,
    *,
    limits: Limits | None,
    case_seconds: float | None,
    allow_shared: bool,
    fresh: bool,
    coverage: bool,
    isolation: IsolationPath | str | None,
) -> sandbox_service_pb2.EvaluateRequest:
    """Write a request to grade `program`, under a request id of its own; its suite is still to be filled in.

    Raises:
        InvalidRequestError: The contract's messages can't carry a value.
    """
    request = sandbox_service_pb2.EvaluateRequest(
        request_id=uuid.uuid4().hex, forbid_shared=not allow_shared, fresh=fresh, coverage=coverage
    )
    _fill_program(request.program, program)
    _fill_limits(request.limits, limits)
    if case_seconds is not None:
        with _naming("case_seconds"):
            request.case_seconds = case_seconds
    request.isolation = _path_number(isolation)
    return request


def written_suite(suite: Suite) -> evaluation_pb2.Suite:
    """Write a suite.

    Raises:
        InvalidRequestError: The contract's messages can't carry a value.
    """
    message = evaluation_pb2.Suite()
    with _naming("suite.setup"):
        message.setup = _as_bytes(suite.setup)
    oracles: dict[bytes, int] = {}
    for place, case in enumerate(suite.cases):
        _fill_case(message.cases.add(), case, f"suite.cases[{place}]", oracles)
    message.oracles.extend(oracles)
    return message


def given_deadline(seconds: float | None, limits: Limits | None) -> float | None:
    """How long to wait for an answer, in seconds; None where only the server's own limits can tell.

    Raises:
        InvalidRequestError: Nobody can wait for `seconds`.
    """
    if seconds is not None:
        if not 0 < seconds < math.inf:
            raise InvalidRequestError.of_field("deadline_seconds", f"{seconds} is not a positive number")
        return seconds
    if limits is None or limits.wall_seconds is None:
        return None
    return server_deadline(limits)


def check_in_flight(in_flight: int) -> None:
    """Raise InvalidRequestError where nothing could ever be in flight."""
    if in_flight < 1:
        raise InvalidRequestError.of_field("in_flight", f"{in_flight} is not a positive number")


def server_deadline(limits: Limits) -> float:
    """How long to wait for an answer under these limits, in seconds."""
    wall_seconds = _LONGEST_WALL_SECONDS if limits.wall_seconds is None else limits.wall_seconds
    # A limit that the server will refuse must not make a deadline that hides its answer; max() drops a NaN.
    return min(max(0.0, wall_seconds), _LONGEST_WALL_SECONDS) + QUEUE_ALLOWANCE_SECONDS


# Used like contextlib's functions, which cost ten times as much, on the path of every call.
class _naming:
    """Turn what protobuf raises for a value that a field can't hold into an error that names the field."""

    __slots__ = ("_field",)

    def __init__(self, field: str) -> None:
        self._field = field

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if isinstance(problem, TypeError | ValueError):
            raise InvalidRequestError.of_field(self._field, str(problem)) from problem


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _not_one_text(items: Sequence[Any]) -> Sequence[Any]:
    # A string is a sequence of strings too, and never what was meant.
    if isinstance(items, str | bytes):
        raise TypeError(f"wants a sequence, got the one value {items!r}")
    return items


def _fill_program(message: execution_pb2.Program, program: Program | str | bytes) -> None:
    program = as_program(program)
    with _naming("program.source"):
        message.source = _as_bytes(program.source)
    with _naming("program.files"):
        for path, content in program.files.items():
            message.files[path] = _as_bytes(content)
    if program.args != ():
        with _naming("program.args"):
            message.args.extend(_not_one_text(program.args))
    with _naming("program.stdin"):
        message.stdin = _as_bytes(program.stdin)
    if program.env != {}:
        with _naming("program.env"):
            message.env.update(program.env)
    with _naming("program.runtime"):
        message.runtime = program.runtime or ""
    if program.hash_seed is not None:
        with _naming("program.hash_seed"):
            message.hash_seed = program.hash_seed


def _fill_limits(message: execution_pb2.Limits, limits: Limits | None) -> None:
    for name in _LIMIT_NAMES if limits else ():
        value = getattr(limits, name)
        if value is not None:
            with _naming(f"limits.{name}"):
                setattr(message, name, value)


def _fill_case(message: evaluation_pb2.Case, case: Case, field: str, oracles: dict[bytes, int]) -> None:
    match case:
        case Call():
            message.shared = case.shared
            _fill_call(message.call, case, f"{field}.call", oracles)
        case Check():
            message.shared = case.shared
            with _naming(f"{field}.check.source"):
                message.check.source = _as_bytes(case.source)
        case Stdio():
            with _naming(f"{field}.stdio"):
                message.stdio.stdin = _as_bytes(case.stdin)
                message.stdio.expected = _as_bytes(case.expected)
                message.stdio.comparison = _COMPARISON_NUMBERS[Comparison(case.comparison)]
        case _:
            raise InvalidRequestError.of_field(field, f"neither Call nor Check nor Stdio: {case!r}")
    with _naming(f"{field}.name"):
        message.name = case.name


def _fill_call(message: evaluation_pb2.CallCase, call: Call, field: str, oracles: dict[bytes, int]) -> None:
    with _naming(f"{field}.entry_point"):
        message.entry_point = call.entry_point
    with _naming_case(f"{field}.arguments", call):
        message.arguments = values.encode(tuple(_not_one_text(call.args)))
    with _naming_case(f"{field}.keyword_arguments", call):
        message.keyword_arguments = values.encode(dict(call.kwargs)) if call.kwargs else b""
    if call.oracle is None:
        with _naming_case(f"{field}.expected", call):
            message.expected = values.encode(call.expected)
    else:
        with _naming(f"{field}.oracle"):
            message.oracle = oracles.setdefault(_as_bytes(call.oracle), len(oracles))
    with _naming(f"{field}.comparator"):
        message.comparator.kind = _COMPARATOR_NUMBERS[Comparator(call.comparator)]
        message.comparator.relative_tolerance = call.relative_tolerance or 0.0
        message.comparator.absolute_tolerance = call.absolute_tolerance or 0.0


@contextlib.contextmanager
def _naming_case(field: str, call: Call) -> Iterator[None]:
    try:
        yield
    except (values.ValueEncodingError, TypeError, ValueError) as problem:
        case = f"case {call.name!r}: " if call.name else ""
        raise InvalidRequestError.of_field(field, f"{case}{problem}") from problem


def _path_number(isolation: IsolationPath | str | None) -> execution_pb2.IsolationPath.ValueType:
    if isolation is None:
        return execution_pb2.ISOLATION_PATH_UNSPECIFIED
    with _naming("isolation"):
        return _PATH_NUMBERS[IsolationPath(isolation)]


def of_bounded_size(request: _Request) -> _Request:
    """Return a request as it is; raises MessageTooLargeError when it is larger than a message may be."""
    if (size := request.ByteSize()) > MAX_MESSAGE_BYTES:
        raise MessageTooLargeError(
            f"a request of {size} bytes is larger than the {MAX_MESSAGE_BYTES} a message may have",
            code=StatusCode.RESOURCE_EXHAUSTED,
            reason="MESSAGE_TOO_LARGE",
            request_id=request.request_id,
        )
    return request
