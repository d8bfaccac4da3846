"""What test code in the judge's process sees of the program: functions that call across the channel."""

import _thread
import builtins

import channel
import frames
import mirror
import values

if False:  # for the type checker only
    from typing import Any, NoReturn

_GROUPS = ("BaseExceptionGroup", "ExceptionGroup")
# To a loop over map(f, …) it says that there is no more to be tested.
_ENDS = ("StopIteration", "StopAsyncIteration")
# They can't be made of a message alone.
_UNICODE = ("UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError")
_CROSSING: dict[str, type[Exception]] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception and name not in _GROUPS + _ENDS
}
_CROSSING |= dict.fromkeys(_UNICODE, UnicodeError)


class CandidateError(Exception):
    """The program raised something else than one of Python's own exceptions."""


class UnfitAnswer(BaseException):
    """The program returned what can't cross. Not an Exception: test code must not take it for one."""


class UnfitArgument(TypeError):
    """The test calls the program with what can't cross: such a case must say shared=True."""


class Line:
    """The channel as test code uses it: a call at a time, from whatever thread."""

    def __init__(self, connection: channel.Channel, before_waiting: "object") -> None:
        self.lost = ""
        """Why the channel is of no use any more; test code may have swallowed the exception."""
        self.unfit = ""
        """Why an answer could not cross, likewise."""
        self.covered: list[bytes] = []
        self._connection = connection
        self._before_waiting = before_waiting
        self._lock = _thread.allocate_lock()

    def call(self, name: bytes, positional: "tuple[object, ...]", keywords: "dict[str, object]") -> object:
        """Have the program's function called; raises what it raises."""
        try:
            arguments = values.encode(positional)
            keyword_arguments = values.encode(keywords) if keywords else b""
        except values.ValueEncodingError as error:
            raise UnfitArgument(f"{name.decode()} is called with {error}; mark the case shared=True") from None
        with self._lock:
            if self.lost:
                raise channel.ChannelLost(self.lost)
            try:
                self._connection.send([channel.message(channel.MIRRORED_CALL, name, arguments, keyword_arguments)])
                kind, content, changed, covered = self._connection.receive(self._before_waiting)
                answer = decoded(content) if kind in (channel.VALUE, channel.ITERATOR) else None
                mirrored = decoded(changed) if changed else None
            except channel.ChannelLost as error:
                self.lost = str(error)
                raise
        if covered:
            self.covered.append(covered)
        if mirrored is not None:
            mirror.apply(positional, mirrored)
        if kind == channel.RAISED:
            raise raised(content)
        if kind == channel.ITERATOR and isinstance(answer, list):
            return iter(answer)
        if kind == channel.UNFIT:
            return Opaque(content[:1] == b"1", text(content[1:]), self)
        return answer


class Opaque:
    """What the program returned and can't cross: something, true or not as the program says, and no more.

    Any other use of it than asking that is UnfitAnswer.
    """

    __slots__ = ("_line", "_truth", "_why")

    def __init__(self, truth: bool, why: str, line: Line) -> None:
        for name, value in (("_truth", truth), ("_why", why), ("_line", line)):
            object.__setattr__(self, name, value)

    def __bool__(self) -> bool:
        """Say what the program says."""
        return bool(object.__getattribute__(self, "_truth"))

    def __getattribute__(self, name: str) -> "Any":
        """Refuse."""
        _refuse(self)


def _refuse(self: Opaque, *_: object, **__: object) -> "NoReturn":
    line, why = object.__getattribute__(self, "_line"), object.__getattribute__(self, "_why")
    line.unfit = why
    raise UnfitAnswer(why)


for _name in (
    "setattr", "delattr", "repr", "str", "bytes", "format", "hash", "eq", "ne", "lt", "le", "gt", "ge", "call",
    "len", "length_hint", "iter", "next", "reversed", "contains", "getitem", "setitem", "delitem", "add", "radd",
    "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "divmod",
    "rdivmod", "pow", "rpow", "and", "rand", "or", "ror", "xor", "rxor", "lshift", "rlshift", "rshift", "rrshift",
    "neg", "pos", "abs", "invert", "int", "float", "complex", "index", "round", "trunc", "floor", "ceil", "enter",
    "exit", "matmul", "rmatmul", "reduce_ex", "copy", "deepcopy",
):  # fmt: skip
    setattr(Opaque, f"__{_name}__", _refuse)


class Stub:
    """One of the program's functions."""

    def __init__(self, name: str, line: Line) -> None:
        self.__name__ = self.__qualname__ = name
        self._line = line

    def __call__(self, *positional: object, **keywords: object) -> object:
        """Call the program's function."""
        return self._line.call(self.__name__.encode(), positional, keywords)


def decoded(frame: bytes) -> object:
    """Decode what the program sent; raises ChannelLost where it is no value."""
    try:
        return values.decode(frame)
    except values.ValueEncodingError as error:
        raise channel.ChannelLost(f"no value: {error}") from None


def raised(content: bytes) -> Exception:
    """The exception that a RAISED message tells of; `told` holds its type, message and line as sent."""
    kind, message, line, own, argument = told(content)
    error = _CROSSING.get(own, CandidateError)(argument)
    error.told = (kind, message, line)  # type: ignore[attr-defined]
    return error


def told(content: bytes) -> "tuple[str, str, int, str, str]":
    """Type, message, line, crossing name and argument out of a RAISED message; raises ChannelLost."""
    try:
        kind, message, line, own, argument = frames.unpack(content)
        return text(kind), text(message), min(int(line), 2**31), text(own), text(argument)
    except ValueError:
        raise channel.ChannelLost("no exception") from None


def text(content: bytes) -> str:
    """Text from the program, cut to what anybody will read."""
    return content[:8000].decode("utf-8", "backslashreplace")
