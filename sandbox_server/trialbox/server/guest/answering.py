"""The candidate: loads the program, and answers calls of its functions until the judge is gone.

It shares its process with the program, which may send whatever it likes: all that does is answer wrongly.
Expected values never come here.
"""

import _socket
import builtins
import os
import sys
import types

import channel
import frames
import values

if False:  # for the type checker only
    from typing import Any

CANDIDATE = "/work/candidate.py"
_TEXT_LIMIT = 2000
# What stays as it was given, whatever is done with it.
_UNCHANGING = frozenset((int, float, complex, bool, str, bytes, range, type(None)))

# One gives all it has before its answer leaves: what it does meanwhile is part of the call.
_EXAMPLES: "tuple[Any, ...]" = (
    (number for number in ""), map(int, ()), filter(int, ()), zip(), enumerate(()), reversed(()),
    iter([]), iter(()), iter({}), iter(set()), iter(""), iter(range(0)),
)  # fmt: skip
_ITERATORS = frozenset(map(type, _EXAMPLES))
_MAXIMUM_ITEMS = 1_000_000

_myself = sys.modules[__name__]
# A program may have replaced os's own.
_exit = os._exit
_traced = False
_descriptor = -1


def begin(data: bytes, descriptor: int) -> None:
    """Get ready to be the main script's only import, with the channel's end and what the judge wants to know."""
    global _traced, _descriptor
    _traced, _descriptor = data == b"coverage", descriptor
    sys.modules["answering"] = _myself


def main() -> None:
    """Load /work/candidate.py and answer."""
    del sys.modules["answering"]  # a program may have a module of this name
    answers = channel.Channel(_socket.socket(fileno=_descriptor), channel.CALL_BYTES)
    try:
        namespace = _load()
        answers.send([channel.message(channel.LOADED, b"")])
        while True:
            kind, name, arguments, keyword_arguments = answers.receive()
            answers.send([_answer(namespace, kind, name, arguments, keyword_arguments)])
    except channel.ChannelLost:
        pass
    except BaseException as error:
        answers.send([channel.message(channel.RAISED, _told(error))])
    # Threads and exit handlers of the program have no say once the judge is gone.
    _exit(0)


def _load() -> dict[str, object]:
    module = types.ModuleType("candidate")
    module.__file__ = CANDIDATE
    sys.modules["candidate"] = module
    with open(CANDIDATE, "rb") as file:
        source = file.read()
    exec(compile(source, CANDIDATE, "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


def _answer(namespace: dict[str, object], kind: int, name: bytes, arguments: bytes, keyword_arguments: bytes) -> bytes:
    try:
        positional = values.decode(arguments)
        keywords = values.decode(keyword_arguments) if keyword_arguments else {}
        if not isinstance(positional, tuple) or not isinstance(keywords, dict):
            raise TypeError("arguments come as a tuple, keyword arguments as a dict")
    except BaseException as error:  # such as a lack of memory
        return channel.message(channel.RAISED, _told(error))
    mirrored = kind == channel.MIRRORED_CALL and not all(type(value) in _UNCHANGING for value in positional)
    # Sets have no order of their own: what comes again may be written in another one.
    before = values.encode(positional) if mirrored else b""
    tracer = _Tracer() if _traced else None
    try:
        function = _function(namespace, name.decode())
        if tracer is not None:
            tracer.start()
        try:
            value = function(*positional, **keywords)
            if type(value) in _ITERATORS:
                value = _Items.of(value)
        finally:
            if tracer is not None:
                tracer.stop()
    except BaseException as error:
        outcome, content = channel.RAISED, _told(error)
    else:
        outcome, content = _encoded(value)
    changed = b""
    if mirrored:
        try:
            after = values.encode(positional, max_bytes=channel.VALUE_BYTES)
        except values.ValueEncodingError:  # it left there what can't cross: the judge keeps what it has
            after = before
        changed = after if after != before else b""
    return channel.message(outcome, content, changed, tracer.covered() if tracer is not None else b"")


def _function(namespace: dict[str, object], name: str) -> "Any":
    try:
        return namespace[name]
    except KeyError:
        # A test may mean Python's own function of a name that a program could have given to one of its own.
        if name in builtins.__dict__:
            return builtins.__dict__[name]
        raise NameError(f"name {name!r} is not defined") from None


def _encoded(value: object) -> "tuple[int, bytes]":
    kind = channel.VALUE
    try:
        if type(value) is _Items:
            kind, value = channel.ITERATOR, value.items
        return kind, values.encode(value, max_bytes=channel.VALUE_BYTES)
    except values.ValueEncodingError as error:
        try:
            return channel.UNFIT, (b"1" if value else b"0") + _bytes(str(error))
        except BaseException as raised:
            return channel.RAISED, _told(raised)
    except BaseException as error:  # such as a lack of memory
        return channel.RAISED, _told(error)


def _told(error: BaseException) -> bytes:
    """Type, message, line, and the nearest of Python's own exceptions."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    try:
        message = str(error)
    except BaseException:
        message = "(its message can't be read)"
    own = next((kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"), "")
    number = b"%d" % (line if isinstance(line, int) and line > 0 else _line_in_candidate(error))
    # KeyError shows its argument with quotes, and would show what it is made of with more.
    argument = error.args[0] if len(error.args) == 1 and type(error.args[0]) is str else message
    return frames.pack(_bytes(type(error).__name__), _bytes(message), number, own.encode(), _bytes(argument))


def _line_in_candidate(error: BaseException) -> int:
    line = 0
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == CANDIDATE:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _bytes(text: str) -> bytes:
    shown = text if len(text) <= _TEXT_LIMIT else text[:_TEXT_LIMIT] + "…"
    return shown.encode("utf-8", "backslashreplace")


class _Items:
    """All that an iterator gave: it crosses as an iterator of them."""

    def __init__(self, items: "list[object]") -> None:
        self.items = items

    @classmethod
    def of(cls, iterator: "Any") -> object:
        """What it gives, or the iterator itself where it gives more than can cross."""
        items = []
        for item in iterator:
            items.append(item)
            if len(items) > _MAXIMUM_ITEMS:
                return iterator
        return cls(items)


class _Tracer:
    """Which lines of the program a call ran, and from which to which it went."""

    def __init__(self) -> None:
        self._arcs: set[tuple[int, int]] = set()

    def start(self) -> None:
        sys.settrace(self._enter)

    def stop(self) -> None:
        sys.settrace(None)

    def covered(self) -> bytes:
        """The arcs, each as two lines; an arc from line 0 enters a function."""
        return b",".join(b"%d-%d" % arc for arc in sorted(self._arcs))

    def _enter(self, frame: types.FrameType, event: str, argument: object) -> "Any":
        if frame.f_code.co_filename != CANDIDATE:
            return None
        last = 0

        def line(frame: types.FrameType, event: str, argument: object) -> "Any":
            nonlocal last
            if event == "line":
                self._arcs.add((last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line
