"""Reads what the judge reports of one suite, and keeps the clock of each case from outside."""

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial

from trialbox.server.case_clock import CaseClock
from trialbox.server.grading import (
    CaseResult,
    Trust,
    Verdict,
    arcs_from,
    exception_text,
    not_loaded,
    shortened,
    told_exception,
)
from trialbox.server.records import RecordReader
from trialbox.server.watching import Records, Running

_RECORD_BYTES = 32 << 20
# Of all that a suite's oracles give together.
_EXPECTED_BYTES = 256 << 20
"""Expected values that an oracle found come in records too."""
# What the judge may take to notice that we ended its candidate.
_GRACE_SECONDS = 2.0


_Passed = partial(CaseResult, verdict=Verdict.PASSED, trust=Trust.SEPARATED)


@dataclass(frozen=True, slots=True)
class News:
    """Something that whoever runs judge and candidate must act on."""

    name: str
    """planned, lost, fresh, unloaded, done of the judge; gone when it has ended; broken of a slot."""
    why: str = ""


class JudgeWatch:
    """The state of a judge and its candidates, as the judge's records tell.

    The judge runs the suite's own test code, so what it writes is checked as well: whatever is not the record that must
    come next ends it.
    """

    def __init__(self, numbers: list[int], *, case_seconds: float, text_limit: int) -> None:
        self.results: dict[int, CaseResult] = {}
        self.shared: dict[int, str] = {}
        """Why cases can't be judged apart from the program."""
        self.expected: dict[int, bytes] = {}
        """What oracles gave."""
        self.pending = deque(numbers)
        """The cases without a verdict, in order."""
        self.news: asyncio.Queue[News] = asyncio.Queue()
        self.planned = False
        self.loaded = False
        """Whether the candidate of the moment has loaded the program."""
        self.oracle: int | None = None
        """The case whose oracle is at work."""
        self.overdue: int | None = None
        """The case whose time was up while the candidate of the moment worked on it; -1 is its loading."""
        self.last: int | None = None
        """The case that got its verdict last."""
        self.load_failure: CaseResult | None = None
        """The verdict of every case, where the program or the set-up code raised."""
        self.forged = False
        """Whether something came that is not the record that must come next."""
        self._undecided = set(numbers)
        """Of those, the ones that the plan has not set aside."""
        self._text_limit = text_limit
        self._reader = RecordReader(self._take, self._refuse, record_bytes=_RECORD_BYTES)
        self._clock = CaseClock(case_seconds, self._time_out)
        self._grace: asyncio.TimerHandle | None = None
        self._judge: Running | None = None
        self._candidate: Running | None = None

    @property
    def feed(self) -> Records:
        """What takes the judge's records."""
        return self._reader.feed

    def attach(self, judge: Running) -> None:
        """Begin to watch the judge."""
        self._judge = judge
        self._clock.running = [judge]
        self._clock.start()

    def attach_candidate(self, candidate: Running) -> None:
        """Begin to watch a candidate, which loads the program."""
        self._candidate = candidate
        if self._judge is not None:
            self._clock.running = [self._judge, candidate]
        self._clock.start()

    def expect_candidate(self) -> None:
        """Another candidate will come."""
        self.loaded, self.overdue, self._candidate = False, None, None
        if self._grace is not None:
            self._grace.cancel()

    def detach(self) -> None:
        """All is over."""
        self._clock.stop()
        if self._grace is not None:
            self._grace.cancel()

    def stop_candidate(self) -> bool:
        """End the candidate of the moment; False when there is none yet."""
        if self._candidate is None:
            return False
        self._candidate.stop(b"cancelled")
        return True

    def tell(self, name: str, why: str = "") -> None:
        """Pass news on."""
        self.news.put_nowait(News(name, why))

    def current_seconds(self) -> float:
        """How long the case has run that is under way."""
        return self._clock.elapsed_seconds()

    def give_up(self, result: CaseResult) -> None:
        """Take a verdict on the case under way."""
        self.last = self.pending.popleft()
        self.results[self.last] = result

    def _take(self, fields: list[bytes]) -> None:
        name, *rest = fields
        if name == b"passed" and self.loaded:
            self._conclude_passed(rest[0])
        elif name == b"end" and self.loaded:
            self._conclude(*rest)
        elif not self.planned:
            self._take_plan(name, rest)
        elif name == b"loaded" and not self.loaded:
            self.loaded = True
            self._clock.start()
        elif name == b"lost" and self.pending:
            self._pause("lost", rest[0].decode())
        elif name in (b"unloaded", b"unprepared"):
            self.load_failure = not_loaded(name, told_exception(*rest, limit=self._text_limit), Trust.SEPARATED)
            self._pause("unloaded")
        elif name == b"fresh" or (name == b"done" and (self.load_failure is not None or not self.pending)):
            self._pause(name.decode())
        else:
            raise ValueError("not the record that must come next")

    def _pause(self, name: str, why: str = "") -> None:
        """The judge has no more to do until another candidate comes."""
        self._clock.stop()
        self.tell(name, why)

    def _take_plan(self, name: bytes, rest: list[bytes]) -> None:
        self._clock.start()
        if name == b"planned":
            self.planned = True
            if self._candidate is None:
                self._clock.stop()  # until one comes: it may wait for a slot
            self.tell("planned")
            return
        number, told = int(rest[0]), rest[1:]
        answers = name in (b"expected", b"unexpected")
        if number not in self._undecided or answers != (self.oracle is not None) or (answers and number != self.oracle):
            raise ValueError("not the case that must come next")
        if name == b"oracle" and number not in self.expected:
            self.oracle = number
        elif name == b"expected":
            self.expected[number], self.oracle = told[0], None
            if sum(map(len, self.expected.values())) > _EXPECTED_BYTES:
                raise ValueError("more than any suite's oracles give")
        elif name in (b"shared", b"unexpected"):
            why = shortened(told[0].decode(), self._text_limit)
            self._undecided.remove(number)
            self.pending.remove(number)
            self.oracle = None
            if name == b"shared":
                self.shared[number] = why
                return
            message = f"the oracle gave no expected value: {why}"
            self.results[number] = CaseResult(verdict=Verdict.ERROR, trust=Trust.SEPARATED, message=message)
        else:
            raise ValueError("no record of a plan")

    def _conclude_passed(self, times: bytes) -> None:
        taken = [int(nanoseconds) for nanoseconds in times.split(b",")]
        if min(taken) < 0 or len(taken) > len(self.pending):
            raise ValueError("not the cases that must come next")
        for result in [_Passed(wall_seconds=nanoseconds / 1e9) for nanoseconds in taken]:
            self.give_up(result)
        self._clock.start()

    def _conclude(self, number: bytes, verdict: bytes, taken: bytes, *told: bytes) -> None:
        if int(number) != self.pending[0] or int(taken) < 0:
            raise ValueError("not the case that must come next")
        actual = expected = message = ""
        exception, covered = None, b""
        if told:
            actual, expected, message = (shortened(text.decode(), self._text_limit) for text in told[:3])
            exception = told_exception(*told[3:6], limit=self._text_limit) if told[3] else None
            covered = told[6]
        if exception is not None:
            message = shortened(exception_text(exception), self._text_limit)
        elif verdict == b"FAILED" and not message:
            message = f"gave {actual}, not {expected}"
        result = CaseResult(
            verdict=Verdict[verdict.decode()],
            trust=Trust.SEPARATED,
            actual=actual,
            expected=expected,
            message=message,
            exception=exception,
            wall_seconds=int(taken) / 1e9,
            arcs=arcs_from(covered),
        )
        self.give_up(result)
        self._clock.start()

    def _refuse(self) -> None:
        self.forged = True
        self._stop_judge()

    def _time_out(self) -> None:
        if self._candidate is None:
            self._stop_judge()
            return
        self.overdue = self.pending[0] if self.loaded and self.pending else -1
        self._candidate.stop(b"wall")
        # Where test code is what takes so long, ending the candidate changes nothing.
        self._grace = asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._stop_judge)

    def _stop_judge(self) -> None:
        if self._judge is not None:
            self._judge.stop(b"wall")
