"""The closed, typed encoding in which Python values cross between a program and its tests.

docs/value-encoding.md specifies it. Never pickle: decoding builds the types listed there and nothing
else, runs no code of the sender's, and answers every malformed frame with ValueEncodingError. It takes
time and memory in proportion to the frame, whatever sizes that claims. Keys that collide would take
more: a frame whose keys cost many times the processor time of honest ones is refused.

The jail imports this module by itself, in an interpreter where every import counts: it must stay
free of other modules of trialbox and of all but the cheapest of the standard library. Rarer types
are found where the sender has loaded them, and loaded when a frame brings one.
"""

import struct
import sys
import time

if False:  # for the type checker only: importing these costs milliseconds
    from collections.abc import Iterable
    from typing import Any

MAX_BYTES = 64 * 1024 * 1024
"""The longest frame `encode` makes unless told otherwise."""

MAX_DEPTH = 100
"""How deep containers may nest: `[]` is 1 deep, `[[]]` is 2."""

_NONE, _FALSE, _TRUE, _INT, _FLOAT, _COMPLEX, _STR, _BYTES, _BYTEARRAY, _RANGE, _DECIMAL, _FRACTION = range(0x00, 0x0C)
_LIST, _TUPLE, _SET, _FROZENSET, _DICT, _DEQUE, _ORDERED_DICT, _COUNTER, _DEFAULTDICT = range(0x10, 0x19)
_DATE, _TIME, _DATETIME, _TIMEDELTA, _TIMEZONE = range(0x20, 0x25)

_BUILTIN: dict[int, type] = {
    **{_NONE: type(None), _FALSE: bool, _TRUE: bool, _INT: int, _FLOAT: float, _COMPLEX: complex},
    **{_STR: str, _BYTES: bytes, _BYTEARRAY: bytearray, _RANGE: range},
    **{_LIST: list, _TUPLE: tuple, _SET: set, _FROZENSET: frozenset, _DICT: dict},
}
_IMPORTED = {
    **{_DECIMAL: "decimal.Decimal", _FRACTION: "fractions.Fraction", _DEQUE: "collections.deque"},
    **{_ORDERED_DICT: "collections.OrderedDict", _COUNTER: "collections.Counter"},
    **{_DEFAULTDICT: "collections.defaultdict", _DATE: "datetime.date", _TIME: "datetime.time"},
    **{_DATETIME: "datetime.datetime", _TIMEDELTA: "datetime.timedelta", _TIMEZONE: "datetime.timezone"},
}
# By identity, not by hash: a metaclass may define that.
_BUILTIN_TAGS = {id(kind): tag for tag, kind in _BUILTIN.items()}
_SCALARS = (bool, int, float, complex, str, bytes)
FACTORIES = (None, int, float, str, bool, bytes, list, dict, set, tuple)

# What follows a tag is a size and as many bytes; or fields of fixed size, then parts, which are values with one of
# the tags listed, then, in a container, a size and as many items of one value or two.
SIZED = frozenset((_INT, _STR, _BYTES, _BYTEARRAY, _DECIMAL))
_LAYOUTS = {
    **{_FLOAT: "d", _COMPLEX: "dd", _DEQUE: "q", _DEFAULTDICT: "B", _TIMEDELTA: "iII"},
    **{_DATE: "HBB", _TIME: "BBBIB", _DATETIME: "HBBBBBIB"},
}
FIELDS = {tag: struct.Struct("<" + _LAYOUTS.get(tag, "")) for tag in (*_BUILTIN, *_IMPORTED)}
PARTS: dict[int, tuple[tuple[int, ...], ...]] = {
    **{_RANGE: ((_INT,), (_INT,), (_INT,)), _FRACTION: ((_INT,), (_INT,))},
    **{_TIME: ((_NONE, _TIMEZONE),), _DATETIME: ((_NONE, _TIMEZONE),), _TIMEZONE: ((_TIMEDELTA,), (_NONE, _STR))},
}
_DAY, _HOUR = ("year", "month", "day"), ("hour", "minute", "second", "microsecond", "fold", "tzinfo")
_ATTRIBUTES = {
    **{_RANGE: ("start", "stop", "step"), _FRACTION: ("numerator", "denominator"), _COMPLEX: ("real", "imag")},
    **{_DATE: _DAY, _TIME: _HOUR, _DATETIME: _DAY + _HOUR, _TIMEDELTA: ("days", "seconds", "microseconds")},
}
WIDTHS = {
    **dict.fromkeys((_LIST, _TUPLE, _SET, _FROZENSET, _DEQUE), 1),
    **dict.fromkeys((_DICT, _ORDERED_DICT, _COUNTER, _DEFAULTDICT), 2),
}

_SIZE, _HEAD, _SHORT, _DOUBLE = struct.Struct("<I"), struct.Struct("<BI"), struct.Struct("<h"), struct.Struct("<d")
_SMALL_INT, _SHORT_INT, _TAGGED_DOUBLE = struct.Struct("<BIb"), struct.Struct("<BIh"), struct.Struct("<Bd")
_SINGLETONS = (None, False, True)
# The frames of 0 to 127, then of -128 to -1, where a negative index finds them.
_SMALL_INTS = [_SMALL_INT.pack(_INT, 1, number) for number in (*range(128), *range(-128, 0))]
# The reader looks ahead before it notices the end.
_PADDING = bytes(32)

# Some of what Python does with long numbers, and with keys of equal hashes, takes quadratic time: parts of values
# may not be longer than this, nor may keys of which some have equal hashes.
_LONG_BYTES = 4096
# Honest keys take some 50 ns each. They are timed where they are more than a few, or of a type slow to compare.
_KEY_SECONDS, _KEY_SECONDS_BY_BYTE, _UNTIMED_KEYS = 0.5, 0.5e-6, 64
_SLOW_KEYS = (_FROZENSET, _DECIMAL, _FRACTION)
_clock = time.thread_time

# A metaclass can answer for __qualname__ with code of its own; the slot of `type` can't be replaced.
_qualname = type.__dict__["__qualname__"].__get__


class ValueEncodingError(ValueError):
    """The value can't cross, or the frame is malformed."""


def encode(value: object, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Returns the frame of `value`.

    Raises:
        ValueEncodingError: it holds a type that doesn't cross (the message names it), nests too
            deeply (or holds itself), or its frame would be longer than `max_bytes`.
    """
    writer = _Writer(max_bytes)
    writer.values((value,), 0)
    writer.reserve(0)
    return bytes(writer.frame)


def decode(frame: bytes) -> object:
    """Returns the value of `frame`.

    Raises:
        ValueEncodingError: the frame is malformed.
    """
    return Reader(frame).whole()


def class_of(tag: int) -> "Any":
    """The type that a tag stands for, imported if need be; raises ValueEncodingError if there is none."""
    if tag in _BUILTIN:
        return _BUILTIN[tag]
    if tag not in _IMPORTED:
        raise ValueEncodingError(f"unknown tag 0x{tag:02x}")
    module, _, name = _IMPORTED[tag].partition(".")
    return getattr(__import__(module), name)


def _take_apart(tag: int, value: "Any") -> "list[Any]":
    """The fields and parts of `value`, or the text of a Decimal."""
    if tag == _DECIMAL:
        return [str(value).replace("e", "E").encode()]  # which of the two is up to the program's decimal context
    if tag == _DEQUE:
        return [-1 if value.maxlen is None else value.maxlen]
    if tag == _DEFAULTDICT:
        return [code for code, factory in enumerate(FACTORIES) if factory is value.default_factory] or [0]
    if tag == _TIMEZONE:
        offset, *name = value.__getinitargs__()
        return [offset, *(name or [None])]
    return [getattr(value, name) for name in _ATTRIBUTES.get(tag, ())]


def _put_together(tag: int, given: "list[Any]") -> "Any":
    """What `_take_apart` took apart; of a container, an empty one."""
    kind = class_of(tag)
    try:
        if tag == _DECIMAL:
            value = kind(given[0].decode("ascii"))
        elif tag == _DEQUE:
            value = kind((), None if given[0] == -1 else given[0])
        elif tag == _DEFAULTDICT:
            value = kind(FACTORIES[given[0]])
        elif tag == _TIMEZONE and given[1] is None:
            value = kind(given[0])
        elif tag in (_TIME, _DATETIME):
            *numbers, fold, zone = given
            value = kind(*numbers, zone, fold=fold)
        else:
            value = kind(*given)
    except (ValueError, ArithmeticError, IndexError) as error:
        raise ValueEncodingError(f"no {kind.__name__}: {error}") from error
    if tag in _IMPORTED and _take_apart(tag, value) != given:
        raise ValueEncodingError(f"a {kind.__name__} not in its normal form")
    return value


def _as_plain(kind: type, value: "Any") -> object:
    """A named tuple as a tuple, a scalar of numpy's as Python's; asks nothing of classes of the program's."""
    if type(kind) is type and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return tuple.__getitem__(value, slice(None))
    scalar = getattr(sys.modules.get("numpy"), "generic", None)
    if isinstance(scalar, type) and issubclass(kind, scalar):
        plain = scalar.item(value)  # type: ignore[attr-defined]
        if type(plain) in _SCALARS:
            return plain
    raise ValueEncodingError(f"a value of type {_qualname(kind)} can't cross")


class _Writer:
    def __init__(self, max_bytes: int) -> None:
        self.frame = bytearray()
        self.max_bytes = max_bytes

    def values(self, values: "Iterable[Any]", depth: int) -> None:
        frame, max_bytes = self.frame, self.max_bytes
        for value in values:
            kind = type(value)
            if kind is int:
                if -0x80 <= value < 0x80:
                    frame += _SMALL_INTS[value]
                elif -0x8000 <= value < 0x8000:
                    frame += _SHORT_INT.pack(_INT, 2, value)
                else:
                    # With a bit for the sign. To bytes takes linear time; to decimal digits would not.
                    length = (value if value >= 0 else ~value).bit_length() // 8 + 1
                    if len(frame) + length > max_bytes:
                        self.reserve(length)
                    frame += _HEAD.pack(_INT, length)
                    frame += value.to_bytes(length, "little", signed=True)
            elif kind is str:
                if len(frame) + len(value) > max_bytes:
                    self.reserve(len(value))
                data = value.encode("utf-8", "surrogatepass")
                frame += _HEAD.pack(_STR, len(data))
                frame += data
            elif kind is float:
                frame += _TAGGED_DOUBLE.pack(_FLOAT, value)
            elif value is None:
                frame.append(_NONE)
            elif kind is bool:
                frame.append(_TRUE if value else _FALSE)
            elif kind is tuple or kind is list:
                self.container(_TUPLE if kind is tuple else _LIST, value, depth)
            elif kind is dict:
                self.container(_DICT, value, depth)
            else:
                self.rarer(kind, value, depth)

    def rarer(self, kind: type, value: "Any", depth: int) -> None:
        tag = _BUILTIN_TAGS.get(id(kind))
        for imported, path in _IMPORTED.items() if tag is None else ():
            module, _, name = path.partition(".")
            if getattr(sys.modules.get(module), name, None) is kind:
                tag = imported
        if tag is None:
            self.values((_as_plain(kind, value),), depth)
        elif tag in WIDTHS:
            self.container(tag, value, depth)
        elif tag in SIZED:
            data = _take_apart(tag, value)[0] if tag == _DECIMAL else value
            self.reserve(len(data))
            self.frame += _HEAD.pack(tag, len(data))
            self.frame += data
        else:
            self.composite(tag, value, depth)

    def composite(self, tag: int, value: "Any", depth: int) -> None:
        given = _take_apart(tag, value)
        fields = len(given) - len(PARTS.get(tag, ()))
        self.frame.append(tag)
        self.frame += FIELDS[tag].pack(*given[:fields])
        for part in given[fields:]:
            start = len(self.frame)
            self.values((part,), depth)
            if len(self.frame) - start > _LONG_BYTES:
                raise ValueEncodingError(f"a {type(value).__name__} with a part of more than {_LONG_BYTES} bytes")

    def container(self, tag: int, value: "Any", depth: int) -> None:
        if depth == MAX_DEPTH:
            raise ValueEncodingError(f"nested more than {MAX_DEPTH} deep, or a value that holds itself")
        self.reserve(_HEAD.size + len(value))  # its items take a byte each at least
        # A copy: another thread may change the original meanwhile.
        items = tuple(value) if WIDTHS[tag] == 1 else tuple(value.items())
        if tag > _DICT:
            self.composite(tag, value, depth)
            self.frame += _SIZE.pack(len(items))
        else:
            self.frame += _HEAD.pack(tag, len(items))
        self.values(items if WIDTHS[tag] == 1 else [half for pair in items for half in pair], depth + 1)

    def reserve(self, count: int) -> None:
        # Asked before a conversion too, so that a value far too large costs no memory.
        if len(self.frame) + count > self.max_bytes:
            raise ValueEncodingError(f"longer than {self.max_bytes} bytes when encoded")


class Reader:
    """Reads a frame. Everything but `values`, `items` and `built` is the same where nothing is to be built."""

    position = 0
    _key_seconds = 0.0
    _untimed_keys = _UNTIMED_KEYS

    def __init__(self, frame: bytes) -> None:
        self.frame = frame + _PADDING
        self.end = len(frame)
        self._long_values: set[int] = set()  # by identity

    def whole(self) -> object:
        """The only value; raises ValueEncodingError, as all methods do."""
        (value,) = self.values(1, 0)
        if self.position < self.end:
            raise ValueEncodingError(f"{self.end - self.position} bytes follow the value")
        return value

    def values(self, count: int, depth: int) -> "list[Any]":
        """Reads so many values."""
        frame, position, end = self.frame, self.position, self.end
        values: list[Any] = []
        append = values.append
        for _ in range(count):
            tag, size, small = _SMALL_INT.unpack_from(frame, position)
            if tag == _INT:
                position += _HEAD.size + size
                if size == 1:
                    append(small)
                elif size == 2:
                    append(_SHORT.unpack_from(frame, position - 2)[0])
                else:
                    append(int.from_bytes(frame[position - size : position], "little", signed=True))
                    if size > _LONG_BYTES:
                        self._long_values.add(id(values[-1]))
            elif tag == _STR:
                position += _HEAD.size + size
                try:
                    append(frame[position - size : position].decode("utf-8", "surrogatepass"))
                except UnicodeDecodeError as error:
                    raise ValueEncodingError(f"text that is not UTF-8: {error.reason}") from error
            elif tag == _FLOAT:
                append(_DOUBLE.unpack_from(frame, position + 1)[0])
                position += 1 + _DOUBLE.size
            elif tag <= _TRUE:
                append(_SINGLETONS[tag])
                position += 1
            else:
                self.position = position + 1
                append(self.rest(tag, size, depth))
                if self.position - position > _LONG_BYTES:
                    self._long_values.add(id(values[-1]))
                position = self.position
            if position > end:
                raise ValueEncodingError("truncated")
        self.position = position
        return values

    def rest(self, tag: int, size: int, depth: int) -> object:
        """Reads what follows the tag, which may be that size."""
        if tag in SIZED:
            self.position += _SIZE.size + size
            return self.built(tag, [self.frame[self.position - size : self.position]], [])
        given: list[Any] = []
        if tag > _DICT or tag < _LIST:
            if tag not in FIELDS:
                raise ValueEncodingError(f"unknown tag 0x{tag:02x}")
            given += FIELDS[tag].unpack_from(self.frame, self.position)
            self.position += FIELDS[tag].size
            for allowed in PARTS.get(tag, ()):
                start = self.position
                if self.frame[start] in allowed:
                    given += self.values(1, depth)
                if not 0 < self.position - start <= _LONG_BYTES:
                    raise ValueEncodingError(f"a {class_of(tag).__name__} with a part of a type or length not allowed")
            if tag not in WIDTHS:
                return self.built(tag, given, [])
            (size,) = _SIZE.unpack_from(self.frame, self.position)
        self.position += _SIZE.size
        return self.built(tag, given, self.items(tag, size, depth))

    def items(self, tag: int, size: int, depth: int) -> "list[Any]":
        """Reads what a container holds."""
        if depth == MAX_DEPTH:
            raise ValueEncodingError(f"nested more than {MAX_DEPTH} deep")
        count = size * WIDTHS[tag]
        if count > self.end - self.position:  # nothing is smaller than a byte
            raise ValueEncodingError("truncated")
        return self.values(count, depth + 1)

    def built(self, tag: int, given: "list[Any]", items: "list[Any]") -> "Any":
        """The value of what was read."""
        if tag == _TUPLE:
            return tuple(items)
        if tag == _LIST:
            return items
        if tag == _DICT:
            return self._filled({}, items, 2)
        if tag in _SLOW_KEYS:
            self._untimed_keys = 1
        if tag == _FROZENSET:
            return frozenset(self._filled(set(), items, 1))
        value = _put_together(tag, given)
        if tag == _DEQUE:
            value.extend(items)
            if len(value) < len(items):
                raise ValueEncodingError("a deque longer than its maxlen")
        elif tag in WIDTHS:
            self._filled(value, items, WIDTHS[tag])
        return value

    def _filled(self, container: "Any", items: "list[Any]", width: int) -> "Any":
        step = width * self._untimed_keys
        since = _clock() - self._key_seconds if len(items) > step else None
        try:
            if self._long_values and any(id(key) in self._long_values for key in items[::width]):
                hashes = sorted(map(hash, items[::width]))
                if any(map(int.__eq__, hashes, hashes[1:])):
                    raise ValueEncodingError(f"keys that collide, some of more than {_LONG_BYTES} bytes")
            for start in range(0, len(items), step):
                some = items[start : start + step]
                if width == 1:
                    container.update(some)
                else:
                    for key, value in zip(some[::2], some[1::2], strict=True):
                        container[key] = value
                if since is not None:
                    self._key_seconds = _clock() - since
                    if self._key_seconds > _KEY_SECONDS + _KEY_SECONDS_BY_BYTE * self.end:
                        raise ValueEncodingError("keys that collide")
        except TypeError as error:
            raise ValueEncodingError(f"a key that can't be hashed: {error}") from error
        if width * len(container) != len(items):
            raise ValueEncodingError("equal keys")
        return container
