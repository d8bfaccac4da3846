"""From what a caller asks for to the contract's messages."""

import contextlib
import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from grpc import StatusCode

from trialbox.client._errors import InvalidRequestError, MessageTooLargeError
from trialbox.client._requests import Call, Case, Check, Comparator, Comparison, Limits, Program, Stdio, Suite
from trialbox.client._results import IsolationPath
from trialbox.v1 import MAX_MESSAGE_BYTES, MINIMUM_LIMITS, evaluation_pb2, execution_pb2, sandbox_service_pb2, values

INFO_SECONDS = 10.0
QUEUE_ALLOWANCE_SECONDS = 60.0
_LONGEST_WALL_SECONDS = 24 * 3600.0

_SEEDS = 1 << 32
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
            request.collect.extend(_texts(collect))
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
    request = sandbox_service_pb2.EvaluateRequest(request_id=uuid.uuid4().hex, forbid_shared=not allow_shared)
    with _naming("fresh"):
        request.fresh = fresh
    with _naming("coverage"):
        request.coverage = coverage
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
    if not isinstance(suite, Suite):
        raise InvalidRequestError.of_field("suite", f"{suite!r:.80} is no Suite")
    message = evaluation_pb2.Suite()
    with _naming("suite.setup"):
        message.setup = _as_bytes(suite.setup)
    oracles: dict[bytes, int] = {}
    with _naming("suite.cases"):
        cases = enumerate(suite.cases)
    for place, case in cases:
        _fill_case(message.cases.add(), case, f"suite.cases[{place}]", oracles)
    message.oracles.extend(oracles)
    return message


def given_deadline(seconds: float | None, limits: Limits | None) -> float | None:
    """How long to wait for an answer, in seconds; None where only the server's own limits can tell.

    Raises:
        InvalidRequestError: Nobody can wait for `seconds`.
    """
    if seconds is not None:
        if not isinstance(seconds, float | int) or not 0 < seconds < math.inf:
            raise InvalidRequestError.of_field("deadline_seconds", f"{seconds!r} is not a positive number")
        return seconds
    if limits is None or _checked(limits).wall_seconds is None:
        return None
    try:
        return server_deadline(limits)
    except TypeError:
        raise _refused_limit("wall_seconds", limits.wall_seconds) from None


def check_in_flight(in_flight: int) -> None:
    """Raise InvalidRequestError where nothing could ever be in flight."""
    if not isinstance(in_flight, int) or in_flight < 1:
        raise InvalidRequestError.of_field("in_flight", f"{in_flight!r} is not a positive whole number")


def check_many(field: str, items: object, *, methods: Sequence[str] = ("__iter__",)) -> None:
    """Raise InvalidRequestError where one thing is given in the place of many, which have one of `methods`."""
    # A string is full of strings, but nobody means to run each of its letters.
    if isinstance(items, str | bytes) or not any(hasattr(items, method) for method in methods):
        raise InvalidRequestError.of_field(field, f"{items!r:.80} is one thing; an iterable of many is wanted")


def as_pair(item: tuple[Program | str | bytes, Suite]) -> tuple[Program | str | bytes, Suite]:
    """Return one item of `evaluate_many`'s input; raises InvalidRequestError where it is none."""
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise InvalidRequestError.of_field("pairs", f"holds {item!r:.80}, which is no pair of a program and a suite")
    return item[0], item[1]


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
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    if isinstance(text, bytes):
        return text
    raise TypeError(f"{text!r:.80} is neither str nor bytes")


def _text(text: str) -> str:
    # Bytes of UTF-8 are as good to protobuf.
    if not isinstance(text, str | bytes):
        raise TypeError(f"{text!r:.80} is no string")
    return text


def _texts(items: Sequence[str]) -> list[str]:
    return [_text(item) for item in _not_one_text(items)]


def _items(mapping: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    if not isinstance(mapping, Mapping):
        raise TypeError(f"{mapping!r:.80} is no mapping")
    return mapping.items()


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
        for path, content in _items(program.files):
            message.files[_text(path)] = _as_bytes(content)
    if program.args != ():
        with _naming("program.args"):
            message.args.extend(_texts(program.args))
    with _naming("program.stdin"):
        message.stdin = _as_bytes(program.stdin)
    if program.env != {}:
        with _naming("program.env"):
            for name, value in _items(program.env):
                message.env[_text(name)] = _text(value)
    with _naming("program.runtime"):
        message.runtime = _text(program.runtime or "")
    if program.hash_seed is not None:
        try:
            message.hash_seed = program.hash_seed
        except (TypeError, ValueError):
            told = f"is {program.hash_seed!r}; the allowed range is 0 to {_SEEDS - 1}"
            raise InvalidRequestError.of_field("program.hash_seed", told) from None


def _fill_limits(message: execution_pb2.Limits, limits: Limits | None) -> None:
    if limits is None:
        return
    for name in _LIMIT_NAMES:
        value = getattr(_checked(limits), name)
        if value is not None:
            try:
                setattr(message, name, value)
            except (TypeError, ValueError, OverflowError):
                raise _refused_limit(name, value) from None


def _checked(limits: Limits) -> Limits:
    if not isinstance(limits, Limits):
        raise InvalidRequestError.of_field("limits", f"{limits!r:.80} is no Limits")
    return limits


def _refused_limit(name: str, value: object) -> InvalidRequestError:
    if isinstance(value, int):
        least = MINIMUM_LIMITS.get(name, "above 0")
        told = f"is {value}; the allowed range is {least} to the server's maximum"
    else:
        told = f"is {value!r:.80}; a {'number' if name.endswith('seconds') else 'whole number'} is wanted"
    return InvalidRequestError.of_field(f"limits.{name}", told)


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
    try:
        return _PATH_NUMBERS[IsolationPath(isolation)]
    except ValueError:
        allowed = " and ".join(map(repr, map(str, IsolationPath)))
        raise InvalidRequestError.of_field("isolation", f"is {isolation!r:.80}; {allowed} are allowed") from None


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
