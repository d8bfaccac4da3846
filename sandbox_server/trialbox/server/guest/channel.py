"""The socket between the judge and the candidate: framed messages, bounded, trusted by neither.

Every message is a size and as many bytes; numbers are little-endian.
  judge to candidate   kind, name size, arguments size, then name, arguments, keyword arguments
                       (arguments: a tuple; keyword arguments: a dict, or nothing; both in the value encoding)
  candidate to judge   kind, value size, mirrored size, then value, mirrored arguments, coverage
                       loaded first: LOADED, with the names that the program has, or RAISED where it does not load;
                       then one for each call, in turn
  value by kind        VALUE: in the value encoding | ITERATOR: likewise, a list of all that it gives
                       UNFIT: 1 or 0 for its truth, then why the value can't cross, as text
                       RAISED: type, message, line, the name it crosses by, and its argument, as frames
Mirrored arguments come where the call asked for them and the program changed them, as a tuple of both kinds.
"""

import struct

if False:  # for the type checker only
    import _socket

CALL, MIRRORED_CALL = 0, 1
KEPT, GIVEN_UP = b"\0", b"\1"
"""What the host says with a channel: whether it gave the case in which the last was lost a verdict."""
LOADED, VALUE, RAISED, UNFIT, ITERATOR = range(5)
NAMES_BYTES = 1 << 20
"""How much a candidate says of the names that the program has."""
VALUE_BYTES = 16 << 20
"""The longest value that crosses: what an honest program returns is far shorter."""
ANSWER_BYTES = 3 * VALUE_BYTES
"""The longest answer, which may hold two values."""
CALL_BYTES = 256 << 20
"""The longest call: longer than any that a suite can hold."""

_SIZE = struct.Struct("<I")
_HEAD = struct.Struct("<BII")
_READ_BYTES = 65536
_WOULD_BLOCK = 0x40  # MSG_DONTWAIT


class ChannelLost(BaseException):
    """The other end is gone, or sent what is no message. Not an Exception: test code must not take it for one."""


class Channel:
    """One end of the socket."""

    def __init__(self, connection: "_socket.socket", longest: int = ANSWER_BYTES) -> None:
        """`longest` is how long a message may be that comes in."""
        self._socket = connection
        self._longest = longest
        self._buffer = b""
        self._position = 0

    def send(self, messages: "list[bytes]", before_waiting: "object" = None) -> None:
        """Send whole messages; blocks while the other end doesn't read.

        Calls `before_waiting` when it is about to block. Raises ChannelLost.
        """
        data = b"".join(messages)
        try:
            sent = self._socket.send(data, _WOULD_BLOCK)
        except BlockingIOError:
            sent = 0
        except ConnectionError as error:
            raise ChannelLost("the process is gone") from error
        if sent < len(data):
            if before_waiting is not None:
                before_waiting()  # type: ignore[operator]
            try:
                self._socket.sendall(memoryview(data)[sent:])
            except ConnectionError as error:
                raise ChannelLost("the process is gone") from error

    def receive(self, before_waiting: "object" = None) -> "tuple[int, bytes, bytes, bytes]":
        """Return the next message's kind and three fields.

        Calls `before_waiting` when nothing has come yet. Raises ChannelLost.
        """
        size = _SIZE.unpack(self._take(_SIZE.size, before_waiting))[0]
        if not _HEAD.size <= size <= self._longest:
            raise ChannelLost(f"a message of {size} bytes")
        message = self._take(size, before_waiting)
        kind, first, second = _HEAD.unpack_from(message)
        middle = _HEAD.size + first
        end = middle + second
        if end > size:
            raise ChannelLost("a message whose parts are longer than it is")
        return kind, message[_HEAD.size : middle], message[middle:end], message[end:]

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()

    def _take(self, count: int, before_waiting: "object") -> bytes:
        end = self._position + count
        if len(self._buffer) < end:
            self._read(count, before_waiting)
            end = count
        taken = self._buffer[self._position : end]
        self._position = end
        return taken

    def _read(self, count: int, before_waiting: "object") -> None:
        """Have at least `count` bytes in the buffer, from its beginning."""
        chunks = [self._buffer[self._position :]]
        missing = count - len(chunks[0])
        while missing > 0:
            try:
                chunk = self._socket.recv(max(missing, _READ_BYTES), _WOULD_BLOCK)
            except BlockingIOError:
                if before_waiting is not None:
                    before_waiting()  # type: ignore[operator]
                chunk = self._receive(missing)
            except ConnectionError as error:
                raise ChannelLost("the process is gone") from error
            if not chunk:
                raise ChannelLost("the process is gone")
            chunks.append(chunk)
            missing -= len(chunk)
        self._buffer = b"".join(chunks)
        self._position = 0

    def _receive(self, missing: int) -> bytes:
        try:
            return self._socket.recv(max(missing, _READ_BYTES))
        except ConnectionError as error:
            raise ChannelLost("the process is gone") from error


def message(kind: int, first: bytes, second: bytes = b"", third: bytes = b"") -> bytes:
    """Write a message."""
    size = _HEAD.size + len(first) + len(second) + len(third)
    return b"".join((_SIZE.pack(size), _HEAD.pack(kind, len(first), len(second)), first, second, third))
