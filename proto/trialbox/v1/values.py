"""The closed, typed encoding in which Python values cross between a program and its tests.

Never pickle: decoding builds the types below and nothing else, runs no code of the sender's, and
answers every malformed frame with ValueEncodingError.

A value is one tag byte and a payload. A `size` is an unsigned 32-bit integer, a `double` an IEEE 754
binary64; all numbers are little-endian.

    tag   type       payload
    0x00  None       nothing
    0x01  False      nothing
    0x02  True       nothing
    0x03  int        size, then as many bytes of two's complement
    0x04  float      double, every bit kept
    0x05  complex    double real, double imaginary
    0x06  str        size, then as many bytes of UTF-8 (a lone surrogate as its three bytes)
    0x07  bytes      size, then as many bytes
    0x08  bytearray  size, then as many bytes
    0x09  range      start, stop, step, each as an int with its tag
    0x10  list       size, then as many values
    0x11  tuple      size, then as many values
    0x12  set        size, then as many distinct values
    0x13  frozenset  size, then as many distinct values
    0x14  dict       size, then as many pairs of key and value, keys distinct, in order

All other tags are free for types to come. Types are exact: an instance of a subclass doesn't cross.
Containers nest at most MAX_DEPTH deep. A frame is one value and no byte more. Decoding takes time
and memory in proportion to the frame, whatever sizes it claims; only keys that collide cost more time.

The jail imports this module by itself, in an interpreter where every import counts: it must stay
free of other modules of trialbox and of all but the cheapest of the standard library.
"""

import struct

MAX_BYTES = 64 * 1024 * 1024
"""The longest frame `encode` makes unless told otherwise."""

MAX_DEPTH = 100
"""How deep containers may nest: `[]` is 1 deep, `[[]]` is 2."""

_NONE, _FALSE, _TRUE, _INT, _FLOAT, _COMPLEX, _STR, _BYTES, _BYTEARRAY, _RANGE = range(0x00, 0x0A)
_LIST, _TUPLE, _SET, _FROZENSET, _DICT = range(0x10, 0x15)

_SIZE_BYTES = 4
_HEAD = struct.Struct("<BI")
_BYTE = struct.Struct("<B")
_DOUBLE = struct.Struct("<d")
_TAGGED_DOUBLE = struct.Struct("<Bd")
_TAGGED_DOUBLES = struct.Struct("<Bdd")
_SIZED = (_INT, _STR, _BYTES, _BYTEARRAY)
_FIXED_BYTES = {_NONE: 0, _FALSE: 0, _TRUE: 0, _FLOAT: 8, _COMPLEX: 16}
_TYPES: dict[int, type] = {
    **dict.fromkeys((_FALSE, _TRUE), bool),
    **{_NONE: type(None), _INT: int, _FLOAT: float, _COMPLEX: complex, _STR: str, _BYTES: bytes},
    **{_BYTEARRAY: bytearray, _RANGE: range, _LIST: list, _TUPLE: tuple},
    **{_SET: set, _FROZENSET: frozenset, _DICT: dict},
}
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
    writer.value(value, 0)
    return bytes(writer.frame)


def decode(frame: bytes) -> object:
    """Returns the value of `frame`.

    Raises:
        ValueEncodingError: the frame is malformed.
    """
    reader = _Reader(frame)
    value = reader.value(0)
    if reader.left():
        raise ValueEncodingError(f"{reader.left()} bytes follow the value")
    return value


def skim(frame: bytes, *, keys: type = object) -> type:
    """Returns the type of the value in `frame` without building it.

    If the value is a dict, its own keys must be of type `keys` or a subclass.

    Takes time in proportion to the frame whatever it holds, so a server can afford it for a
    stranger. What only building shows is not looked at: text that is no UTF-8, keys that are equal
    or unhashable, a range with step zero.

    Raises:
        ValueEncodingError: the frame is malformed.
    """
    reader = _Reader(frame)
    reader.skip(0, keys)
    if reader.left():
        raise ValueEncodingError(f"{reader.left()} bytes follow the value")
    return _TYPES[frame[0]]


class _Writer:
    __slots__ = ("frame", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.frame = bytearray()
        self.max_bytes = max_bytes

    def value(self, value: object, depth: int) -> None:
        if type(value) is int:
            self.integer(value)
        elif type(value) is str:
            self.reserve(len(value))
            self.block(_STR, value.encode("utf-8", "surrogatepass"))
        elif type(value) is float:
            self.append(_TAGGED_DOUBLE.pack(_FLOAT, value))
        elif value is None:
            self.append(_BYTE.pack(_NONE))
        elif value is False:
            self.append(_BYTE.pack(_FALSE))
        elif value is True:
            self.append(_BYTE.pack(_TRUE))
        elif type(value) is bytes:
            self.block(_BYTES, value)
        elif type(value) is bytearray:
            self.reserve(len(value))
            self.block(_BYTEARRAY, bytes(value))
        elif type(value) is complex:
            self.append(_TAGGED_DOUBLES.pack(_COMPLEX, value.real, value.imag))
        elif type(value) is range:
            self.append(_BYTE.pack(_RANGE))
            self.integer(value.start)
            self.integer(value.stop)
            self.integer(value.step)
        elif depth == MAX_DEPTH:
            raise ValueEncodingError(f"nested more than {MAX_DEPTH} deep, or a value that holds itself")
        elif type(value) is list:
            self.items(_LIST, value, depth)
        elif type(value) is tuple:
            self.items(_TUPLE, value, depth)
        elif type(value) is dict:
            self.pairs(value, depth)
        elif type(value) is set:
            self.items(_SET, value, depth)
        elif type(value) is frozenset:
            self.items(_FROZENSET, value, depth)
        else:
            raise ValueEncodingError(f"a value of type {_qualname(type(value))} can't cross")

    def items(
        self,
        tag: int,
        values: list[object] | tuple[object, ...] | set[object] | frozenset[object],
        depth: int,
    ) -> None:
        self.reserve(len(values))
        items = tuple(values)  # another thread may change the original meanwhile
        self.head(tag, len(items))
        for item in items:
            self.value(item, depth + 1)

    def pairs(self, mapping: dict[object, object], depth: int) -> None:
        self.reserve(len(mapping))
        pairs = tuple(mapping.items())
        self.head(_DICT, len(pairs))
        for key, value in pairs:
            self.value(key, depth + 1)
            self.value(value, depth + 1)

    def integer(self, value: int) -> None:
        # Room for the sign bit. Converting to bytes takes linear time; to decimal digits it would not.
        length = value.bit_length() // 8 + 1
        self.reserve(length)
        self.block(_INT, value.to_bytes(length, "little", signed=True))

    def block(self, tag: int, data: bytes) -> None:
        self.head(tag, len(data))
        self.frame += data

    def head(self, tag: int, size: int) -> None:
        # What follows takes at least a byte for each that `size` counts.
        self.reserve(_HEAD.size + size)
        self.frame += _HEAD.pack(tag, size)

    def append(self, data: bytes) -> None:
        self.reserve(len(data))
        self.frame += data

    def reserve(self, count: int) -> None:
        # Asked before a conversion too, so that a value far too large costs no memory.
        if len(self.frame) + count > self.max_bytes:
            raise ValueEncodingError(f"longer than {self.max_bytes} bytes when encoded")


class _Reader:
    __slots__ = ("frame", "position")

    def __init__(self, frame: bytes) -> None:
        self.frame = frame
        self.position = 0

    def value(self, depth: int) -> object:
        tag = self.take(1)[0]
        if tag == _INT:
            return self.integer()
        if tag == _STR:
            return self.text()
        if tag == _FLOAT:
            return self.double()
        if tag == _NONE:
            return None
        if tag == _FALSE:
            return False
        if tag == _TRUE:
            return True
        if tag == _BYTES:
            return self.take(self.size())
        if tag == _BYTEARRAY:
            return bytearray(self.take(self.size()))
        if tag == _COMPLEX:
            return complex(self.double(), self.double())
        if tag == _RANGE:
            return self.interval()
        if depth == MAX_DEPTH:
            raise ValueEncodingError(f"nested more than {MAX_DEPTH} deep")
        if tag == _LIST:
            return self.items(depth)
        if tag == _TUPLE:
            return tuple(self.items(depth))
        if tag == _DICT:
            return self.mapping(depth)
        if tag == _SET:
            return self.members(depth)
        if tag == _FROZENSET:
            return frozenset(self.members(depth))
        raise ValueEncodingError(f"unknown tag 0x{tag:02x}")

    def skip(self, depth: int, keys: type = object) -> None:
        tag = self.take(1)[0]
        if tag in _SIZED:
            self.take(self.size())
        elif tag in _FIXED_BYTES:
            self.take(_FIXED_BYTES[tag])
        elif tag == _RANGE:
            for _ in range(3):
                if self.take(1)[0] != _INT:
                    raise ValueEncodingError("a range of other than ints")
                self.take(self.size())
        elif tag not in _TYPES:
            raise ValueEncodingError(f"unknown tag 0x{tag:02x}")
        elif depth == MAX_DEPTH:
            raise ValueEncodingError(f"nested more than {MAX_DEPTH} deep")
        elif tag == _DICT:
            for _ in range(self.size()):
                key = _TYPES.get(self.frame[self.position] if self.left() else -1, object)
                if not issubclass(key, keys):
                    raise ValueEncodingError(f"a key of type {key.__name__}, not {keys.__name__}")
                self.skip(depth + 1)
                self.skip(depth + 1)
        else:
            for _ in range(self.size()):
                self.skip(depth + 1)

    def items(self, depth: int) -> list[object]:
        return [self.value(depth + 1) for _ in range(self.size())]

    def members(self, depth: int) -> set[object]:
        items = self.items(depth)
        try:
            values = set(items)
        except TypeError as error:
            raise ValueEncodingError(f"unhashable in a set: {error}") from error
        if len(values) != len(items):
            raise ValueEncodingError("equal values in a set")
        return values

    def mapping(self, depth: int) -> dict[object, object]:
        pairs = [(self.value(depth + 1), self.value(depth + 1)) for _ in range(self.size())]
        try:
            mapping = dict(pairs)
        except TypeError as error:
            raise ValueEncodingError(f"unhashable key: {error}") from error
        if len(mapping) != len(pairs):
            raise ValueEncodingError("equal keys in a dict")
        return mapping

    def interval(self) -> range:
        numbers = []
        for _ in range(3):
            if self.take(1)[0] != _INT:
                raise ValueEncodingError("a range of other than ints")
            numbers.append(self.integer())
        if numbers[2] == 0:
            raise ValueEncodingError("a range with step zero")
        return range(*numbers)

    def text(self) -> str:
        data = self.take(self.size())
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise ValueEncodingError(f"text that is not UTF-8: {error.reason}") from error

    def integer(self) -> int:
        return int.from_bytes(self.take(self.size()), "little", signed=True)

    def double(self) -> float:
        number: float = _DOUBLE.unpack(self.take(_DOUBLE.size))[0]
        return number

    def size(self) -> int:
        # Nothing is smaller than a byte, so a size beyond the rest of the frame is wrong.
        size = int.from_bytes(self.take(_SIZE_BYTES), "little")
        if size > self.left():
            raise ValueEncodingError("truncated")
        return size

    def take(self, count: int) -> bytes:
        start = self.position
        if count > len(self.frame) - start:
            raise ValueEncodingError("truncated")
        self.position = start + count
        return self.frame[start : self.position]

    def left(self) -> int:
        return len(self.frame) - self.position
