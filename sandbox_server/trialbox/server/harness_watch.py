"""Reads what the harness in a jail reports, and keeps the clock of each case from outside."""

from collections import deque

from trialbox.server.case_clock import CaseClock
from trialbox.server.grading import CaseResult, Trust, Verdict, exception_text, not_loaded, shortened, told_exception
from trialbox.server.records import RecordReader
from trialbox.server.watching import Records, Running


class HarnessWatch:
    """The state of one harness process, as its records tell.

    The program shares the harness's process and could write anything here: whatever is
    not the record that must come next ends the process.
    """

    def __init__(self, numbers: list[int], *, case_seconds: float, text_limit: int) -> None:
        self.results: dict[int, CaseResult] = {}
        self.loaded = False
        self.load_failure: CaseResult | None = None
        """The verdict of every case, where the program or the set-up code raised."""
        self.current: int | None = None
        """The case begun and not yet ended."""
        self.overdue = False
        """Whether the case's own time was up, or the program's to load."""
        self.forged = False
        """Whether something came that is not the record that must come next."""
        self._expected = deque(numbers)
        self._text_limit = text_limit
        self._reader = RecordReader(self._take, self._refuse)
        self._clock = CaseClock(case_seconds, self._time_out)
        self._running: Running | None = None

    def attach(self, running: Running) -> Records:
        """Begin to watch a process; returns what takes its records."""
        self._running = running
        self._clock.running = [running]
        self._clock.start()
        return self._reader.feed

    def detach(self) -> None:
        """The process has ended."""
        self._clock.stop()

    @property
    def remaining(self) -> list[int]:
        """The cases not begun, in order."""
        return list(self._expected)

    def current_seconds(self) -> float:
        """How long the case that was running when the process ended had run."""
        return self._clock.elapsed_seconds()

    def _take(self, fields: list[bytes]) -> None:
        name, *rest = fields
        if self.load_failure is not None:
            raise ValueError("a record after the last")
        if name == b"loaded" and not self.loaded:
            self.loaded = True
        elif name in (b"unloaded", b"unprepared") and not self.loaded:
            self.load_failure = not_loaded(name, told_exception(*rest, limit=self._text_limit), Trust.SHARED)
        elif name == b"begin" and self.loaded and self.current is None and int(rest[0]) == self._expected[0]:
            self.current = self._expected.popleft()
            self._clock.start()
        elif name == b"end" and self.current is not None and int(rest[0]) == self.current:
            self.results[self.current] = self._result(*rest[1:])
            self.current = None
            self._clock.start()
        else:
            raise ValueError("not the record that must come next")

    def _result(self, verdict: bytes, actual: bytes, expected: bytes, *told: bytes) -> CaseResult:
        exception = told_exception(*told, limit=self._text_limit) if told[0] else None
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
            wall_seconds=self._clock.elapsed_seconds(),
        )

    def _refuse(self) -> None:
        self.forged = True
        self._end(b"forged")

    def _time_out(self) -> None:
        self.overdue = True
        self._reader.end()  # what crosses our kill on its way is no answer in time
        self._end(b"wall")

    def _end(self, reason: bytes) -> None:
        if self._running is not None:
            self._running.stop(reason)
