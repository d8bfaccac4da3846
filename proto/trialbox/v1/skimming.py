"""Looks over the frames of strangers without building their values."""

import struct
from typing import Any

from trialbox.v1.values import FIELDS, PARTS, SIZED, WIDTHS, Reader, ValueEncodingError, class_of

_HEAD = struct.Struct("<BI")
_FIXED_BYTES = {tag: 1 + fields.size for tag, fields in FIELDS.items() if tag not in PARTS and tag not in WIDTHS}


def skim(frame: bytes, *, keys: type = object) -> type:
    """Returns the type of the value in `frame` without building it.

    If the value is a dict of any kind, its own keys must be of type `keys` or a subclass.

    Takes time in proportion to the frame whatever it holds, so a server can afford it for a
    stranger. What only building shows is not looked at: text that is no UTF-8, keys that are equal
    or unhashable, a range with step zero, a day that no calendar has.

    Raises:
        ValueEncodingError: the frame is malformed.
    """
    _Skimmer(frame, keys).whole()
    kind: type = class_of(frame[0])
    return kind


class _Skimmer(Reader):
    def __init__(self, frame: bytes, keys: type) -> None:
        super().__init__(frame)
        self._keys = keys

    def values(self, count: int, depth: int) -> list[Any]:
        frame, position, end = self.frame, self.position, self.end
        for _ in range(count):
            tag, size = _HEAD.unpack_from(frame, position)
            if tag in SIZED:
                position += _HEAD.size + size
            elif tag in _FIXED_BYTES:
                position += _FIXED_BYTES[tag]
            else:
                self.position = position + 1
                self.rest(tag, size, depth)
                position = self.position
            if position > end:
                raise ValueEncodingError("truncated")
        self.position = position
        return [None]

    def items(self, tag: int, size: int, depth: int) -> list[Any]:
        if depth or WIDTHS[tag] == 1 or self._keys is object:
            return super().items(tag, size, depth)
        for _ in range(size):
            key = class_of(self.frame[self.position])
            if not issubclass(key, self._keys):
                raise ValueEncodingError(f"a key of type {key.__name__}, not {self._keys.__name__}")
            self.values(2, 1)
        return []

    def built(self, tag: int, given: list[Any], items: list[Any]) -> None:
        """Nothing."""
