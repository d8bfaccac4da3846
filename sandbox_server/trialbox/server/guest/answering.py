"""The candidate: loads the program, and answers calls of its functions until the judge is gone.

It shares its process with the program, which may send whatever it likes: all that does is answer wrongly.
Expected values never come here.
"""

import _socket
import builtins
import os
import sys
import types

import briefs
import channel
import frames
import program
import values

if False:  # for the type checker only
    from typing import Any

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
        namespace = program.load()
        answers.send([channel.message(channel.LOADED, _names(namespace))])
        while True:
            kind, name, arguments, keyword_arguments = answers.receive()
            answers.send([_answer(namespace, kind, name, arguments, keyword_arguments)])
    except channel.ChannelLost:
        pass
    except BaseException as error:
        answers.send([channel.message(channel.RAISED, _told(error))])
    # Threads and exit handlers of the program have no say once the judge is gone.
    _exit(0)


def _answer(namespace: dict[str, object], kind: int, name: bytes, arguments: bytes, keyword_arguments: bytes) -> bytes:
    try:
        positional, keywords = program.decoded_arguments(arguments, keyword_arguments)
    except BaseException as error:  # such as a lack of memory
        return channel.message(channel.RAISED, _told(error))
    given = (positional, keywords)
    mirrored = kind == channel.MIRRORED_CALL and not all(
        type(value) in _UNCHANGING for value in (*positional, *keywords.values())
    )
    # Sets have no order of their own: what comes again may be written in another one.
    before = values.encode(given) if mirrored else b""
    tracer = _Tracer() if _traced else None
    try:
        function = _function(namespace, name.decode(), of_python=kind == channel.MIRRORED_CALL)
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
            after = values.encode(given, max_bytes=channel.VALUE_BYTES)
        except values.ValueEncodingError:  # it left there what can't cross: the judge keeps what it has
            after = before
        changed = after if after != before else b""
    return channel.message(outcome, content, changed, tracer.covered() if tracer is not None else b"")


def _names(namespace: dict[str, object]) -> bytes:
    names = " ".join([name for name in namespace if type(name) is str and name.isidentifier()])
    return names.encode()[: channel.NAMES_BYTES]


def _function(namespace: dict[str, object], name: str, *, of_python: bool) -> "Any":
    try:
        return namespace[name]
    except KeyError:
        # Test code may mean Python's own function of a name that a program could have given to one of its own.
        if of_python and name in builtins.__dict__:
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
            return channel.UNFIT, (b"1" if value else b"0") + briefs.cut(str(error))
        except BaseException as raised:
            return channel.RAISED, _told(raised)
    except BaseException as error:  # such as a lack of memory
        return channel.RAISED, _told(error)


def _told(error: BaseException) -> bytes:
    """Type, message, line, the nearest of Python's own exceptions, and its argument."""
    own = next((kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"), "")
    # KeyError shows its argument with quotes, and would show what it is made of with more.
    is_text = len(error.args) == 1 and type(error.args[0]) is str
    argument = error.args[0] if is_text else briefs.message(error)
    return frames.pack(*program.told(error), own.encode(), briefs.cut(argument))


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
        if frame.f_code.co_filename != program.PATH:
            return None
        last = 0

        def line(frame: types.FrameType, event: str, argument: object) -> "Any":
            nonlocal last
            if event == "line":
                self._arcs.add((last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line
