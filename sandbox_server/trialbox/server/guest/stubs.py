"""What test code in the judge's process sees of the program: functions that call across the channel."""

import _thread
import builtins

import channel
import frames
import mirror
import values

if False:  # for the type checker only
    from typing import Any, NoReturn

# More than any case's coverage that is told takes.
_COVERED_BYTES = 1 << 20
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
        self.fault: UnfitAnswer | UnfitArgument | None = None
        """What could not cross, likewise."""
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
            self.fault = UnfitArgument(
                f"{name.decode()} is called with what can't cross: {error}; mark the case shared=True"
            )
            raise self.fault from None
        with self._lock:
            if self.lost:
                raise channel.ChannelLost(self.lost)
            message = channel.message(channel.MIRRORED_CALL, name, arguments, keyword_arguments)
            try:
                self._connection.send([message], self._before_waiting)
                kind, content, changed, covered = self._connection.receive(self._before_waiting)
                answer = self._answer(kind, content)
                mirrored = decoded(changed) if changed else b""
                if changed and not _are_like(mirrored, positional, keywords):
                    raise channel.ChannelLost("other arguments than it was called with")
            except channel.ChannelLost as error:
                self.lost = str(error)
                raise
            except BaseException:  # such as that of a signal handler: what comes next would answer this call
                self.lost = "a call that was given up half-way"
                raise
        if covered and sum(map(len, self.covered)) < _COVERED_BYTES:
            self.covered.append(covered[:_COVERED_BYTES])
        if changed:
            mirror.apply((positional, keywords), mirrored)
        if kind == channel.RAISED:
            raise answer
        return answer

    def _answer(self, kind: int, content: bytes) -> "Any":
        """What the test code is to be given, or what is to be raised there; raises ChannelLost."""
        if kind == channel.VALUE:
            return decoded(content)
        if kind == channel.RAISED:
            return raised(content)
        if kind == channel.UNFIT:
            return Opaque(content[:1] == b"1", text(content[1:]), self)
        items = decoded(content) if kind == channel.ITERATOR else None
        if not isinstance(items, list):
            raise channel.ChannelLost("no answer to a call")
        return iter(items)


def _are_like(mirrored: object, positional: "tuple[object, ...]", keywords: "dict[str, object]") -> bool:
    """Whether these are as many arguments, by the same keywords."""
    if not isinstance(mirrored, tuple) or len(mirrored) != 2:
        return False
    by_place, by_name = mirrored
    same_names = isinstance(by_name, dict) and list(by_name) == list(keywords)
    return same_names and isinstance(by_place, tuple) and len(by_place) == len(positional)


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
    line.fault = UnfitAnswer(why)
    raise line.fault


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
        return text(kind), text(message), min(max(int(line), 0), 2**31), text(own), text(argument)
    except ValueError:
        raise channel.ChannelLost("no exception") from None


def text(content: bytes, longest: int = 8000) -> str:
    """Text from the program, cut to what anybody will read."""
    return content[:longest].decode("utf-8", "backslashreplace")
