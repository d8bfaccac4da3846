"""Reads what the harness in a jail reports, and keeps the clock of each case from outside."""

import asyncio
import os
from collections import deque

from trialbox.server.grading import CaseResult, Verdict, exception_text, shortened
from trialbox.server.guest import frames
from trialbox.server.model import ProgramException
from trialbox.server.watching import Records, Running

_RECORD_BYTES = 1 << 20
_MAXIMUM_LINE = 2**32 - 1
# However busy the machine, a case ends after so many times its own time.
_BACKSTOP_FACTOR = 10
_MINIMUM_TIMER_SECONDS = 0.01
_LATE_SECONDS = 0.1
_PROCESSORS = os.cpu_count() or 1


class HarnessWatch:
    """The state of one harness process, as its records tell.

    The program shares the harness's process and could write anything here: whatever is
    not the record that must come next ends the process.
    """

    def __init__(self, numbers: list[int], *, case_seconds: float, text_limit: int) -> None:
        self.results: dict[int, CaseResult] = {}
        self.loaded = False
        self.load_failure: ProgramException | None = None
        self.current: int | None = None
        """The case begun and not yet ended."""
        self.overdue = False
        """Whether the case's own time was up, or the program's to load."""
        self.forged = False
        """Whether something came that is not the record that must come next."""
        self._expected = deque(numbers)
        self._case_seconds = case_seconds
        self._text_limit = text_limit
        self._buffer = bytearray()
        self._position = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._running: Running | None = None
        self._starved = self._cpu = 0.0
        self._due = 0.0

    def attach(self, running: Running) -> Records:
        """Begin to watch a process; returns what takes its records."""
        self._running = running
        self._start_clock()
        return self._feed

    def detach(self) -> None:
        """The process has ended."""
        if self._timer is not None:
            self._timer.cancel()

    @property
    def remaining(self) -> list[int]:
        """The cases not begun, in order."""
        return list(self._expected)

    def current_seconds(self) -> float:
        """How long the case that was running when the process ended had run."""
        return self._loop.time() - self._began

    def _feed(self, data: bytes) -> None:
        if self.forged or self.overdue:  # what crosses our kill on its way is no answer in time
            return
        self._buffer += data
        try:
            while True:
                record, self._position = frames.next_field(self._buffer, self._position)
                if record is None:
                    break
                self._take(frames.unpack(record))
            del self._buffer[: self._position]
            self._position = 0
            if len(self._buffer) > _RECORD_BYTES:
                raise ValueError("oversized record")
        except (ValueError, IndexError, KeyError, TypeError):
            self.forged = True
            self._end(b"forged")

    def _take(self, fields: list[bytes]) -> None:
        name, *rest = fields
        if self.load_failure is not None:
            raise ValueError("a record after the last")
        if name == b"loaded" and not self.loaded:
            self.loaded = True
        elif name == b"load-failed" and not self.loaded:
            self.load_failure = self._exception(*rest)
        elif name == b"begin" and self.loaded and self.current is None and int(rest[0]) == self._expected[0]:
            self.current = self._expected.popleft()
            self._start_clock()
        elif name == b"end" and self.current is not None and int(rest[0]) == self.current:
            self.results[self.current] = self._result(*rest[1:])
            self.current = None
            self._start_clock()
        else:
            raise ValueError("not the record that must come next")

    def _result(self, verdict: bytes, actual: bytes, expected: bytes, *told: bytes) -> CaseResult:
        exception = self._exception(*told) if told[0] else None
        gave, wanted = (shortened(text.decode(), self._text_limit) for text in (actual, expected))
        if exception is not None:
            message = shortened(exception_text(exception), self._text_limit)
        elif verdict == b"FAILED":
            message = f"gave {gave}, not {wanted}"
        else:
            message = ""
        return CaseResult(
            verdict=Verdict[verdict.decode()],
            actual=gave,
            expected=wanted,
            message=message,
            exception=exception,
            wall_seconds=self._loop.time() - self._began,
        )

    def _exception(self, kind: bytes, message: bytes, line: bytes) -> ProgramException:
        limit = self._text_limit
        if not 0 <= int(line) <= _MAXIMUM_LINE:
            raise ValueError("no line of a program")
        return ProgramException(
            type=shortened(kind.decode(), limit), message=shortened(message.decode(), limit), line=int(line)
        )

    def _start_clock(self) -> None:
        self._began = self._loop.time()
        if self._running is not None:
            self._starved, self._cpu = self._running.starved_seconds(), self._running.cpu_seconds()
        self._set_timer(self._case_seconds)

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = self._loop.time() + seconds
        self._timer = self._loop.call_later(seconds, self._time_out)

    def _time_out(self) -> None:
        if self._loop.time() > self._due + _LATE_SECONDS:
            # The event loop was busy: the answer may have come and not be read yet.
            self._set_timer(_MINIMUM_TIMER_SECONDS)
            return
        elapsed = self._loop.time() - self._began
        left = self._case_seconds - (elapsed - self._given_back(elapsed))
        if left > 0 and elapsed < _BACKSTOP_FACTOR * self._case_seconds:
            self._set_timer(max(left, _MINIMUM_TIMER_SECONDS))
        else:
            self.overdue = True
            self._end(b"wall")

    def _given_back(self, elapsed: float) -> float:
        """What the case waited for a processor that others had: a busy machine changes no verdict."""
        if self._running is None:
            return 0.0
        starved = self._running.starved_seconds() - self._starved
        # A program can also starve itself, by processes of its own.
        own = (self._running.cpu_seconds() - self._cpu) / _PROCESSORS
        return max(0.0, min(starved, elapsed - own))

    def _end(self, reason: bytes) -> None:
        if self._running is not None:
            self._running.stop(reason)
