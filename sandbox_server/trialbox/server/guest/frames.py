"""Length-prefixed byte fields: how suites go into a jail, and records and files come out.

A frame is a run of fields, each `<length in decimal>:<bytes>`. Runs in the jail
too, where every import costs start-up time, so it needs none.
"""

_MAXIMUM_LENGTH_DIGITS = 12


class FrameError(ValueError):
    """The bytes are not a whole number of fields."""


def pack(*fields: bytes) -> bytes:
    """Join `fields` (bytes) into one frame."""
    return b"".join(b"%d:%b" % (len(field), field) for field in fields)


def unpack(frame: bytes) -> list[bytes]:
    """Split `frame` into its fields; raises FrameError when it is not one."""
    fields: list[bytes] = []
    position = 0
    while position < len(frame):
        field, position = next_field(frame, position)
        if field is None:
            raise FrameError("truncated field")
        fields.append(field)
    return fields


def next_field(buffer: bytes | bytearray, position: int = 0) -> tuple[bytes | None, int]:
    """Return the field at `position` and where the next begins.

    The field is None when the buffer ends inside it. Raises FrameError when no
    field can begin there.
    """
    colon = buffer.find(b":", position, position + _MAXIMUM_LENGTH_DIGITS + 1)
    digits = bytes(buffer[position:colon] if colon >= 0 else buffer[position:])
    if (colon >= 0 and not digits) or (digits and not digits.isdigit()) or len(digits) > _MAXIMUM_LENGTH_DIGITS:
        raise FrameError("malformed length")
    if colon < 0:
        return None, position
    end = colon + 1 + int(digits)
    if end > len(buffer):
        return None, position
    return bytes(buffer[colon + 1 : end]), end
