"""Calls that no gRPC library makes: frames of HTTP/2 as they go over the wire."""

import socket
import struct

_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_ACKNOWLEDGED = _END_OF_STREAM = 1
_END_OF_HEADERS = 4
_INITIAL_WINDOW = 4
_SECONDS = 10.0
# Indexes of the standard's table.
_POST_BY_HTTP = b"\x83\x86"


class RawConnection:
    """A connection to a server's Unix socket that has begun, with `window` bytes that may come at once on a stream."""

    def __init__(self, address: str, *, window: int = 65_535) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_SECONDS)
        self._socket.connect(address.removeprefix("unix:"))
        settings = struct.pack(">HI", _INITIAL_WINDOW, window)
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, settings))
        self._socket.sendall(_frame(_SETTINGS, _ACKNOWLEDGED, 0))

    def call(self, path: bytes, message: bytes = b"", *, metadata: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        """Call a method, with one message; once a connection."""
        headers = [(b":path", path), (b":authority", b"tests"), (b"te", b"trailers")]
        headers += [(b"content-type", b"application/grpc"), *metadata]
        packed = _POST_BY_HTTP + b"".join(map(_header, headers))
        self._socket.sendall(_frame(_HEADERS, _END_OF_HEADERS, 1, packed))
        self._socket.sendall(_frame(_DATA, _END_OF_STREAM, 1, struct.pack(">BI", 0, len(message)) + message))

    def answer(self) -> bytes:
        """What comes back until the call has ended, frames and all."""
        received = b""
        while b"grpc-status" not in received and (more := self._socket.recv(65_536)):
            received += more
        return received

    def close(self) -> None:
        """Leave."""
        self._socket.close()


def _header(header: tuple[bytes, bytes]) -> bytes:
    return b"\0" + b"".join(bytes([len(text)]) + text for text in header)


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload
