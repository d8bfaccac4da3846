"""What a process of ours in a jail tells the host: a stream of records, each a frame of fields."""

from collections.abc import Callable

from trialbox.server.guest import frames

_RECORD_BYTES = 1 << 20


class RecordReader:
    """Cuts a stream of bytes into records and gives each to `take`.

    Whatever is not a record that `take` accepts ends the reading, and is told to `refuse` once: the process may be
    under the control of a program.
    """

    def __init__(
        self, take: Callable[[list[bytes]], None], refuse: Callable[[], None], *, record_bytes: int = _RECORD_BYTES
    ) -> None:
        self._take = take
        self._refuse = refuse
        self._record_bytes = record_bytes
        self._buffer = bytearray()
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        if self._ended:
            return
        self._buffer += data
        position = 0
        try:
            while not self._ended:
                record, position = frames.next_field(self._buffer, position)
                if record is None:
                    break
                self._take(frames.unpack(record))
            del self._buffer[:position]
            if len(self._buffer) > self._record_bytes:
                raise ValueError("oversized record")
        except (ValueError, LookupError, TypeError, ArithmeticError):
            self.end()
            self._refuse()

    def end(self) -> None:
        """Read no more."""
        self._ended = True
