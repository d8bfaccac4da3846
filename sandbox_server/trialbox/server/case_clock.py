"""The clock of one case, kept outside the processes that it bounds."""

import asyncio
from collections.abc import Callable

from trialbox.server.watching import Running

# However busy the machine, a case ends after so many times its own time.
_BACKSTOP_FACTOR = 10
_MINIMUM_TIMER_SECONDS = 0.01
_LATE_SECONDS = 0.1
# Reading how long a process waited for a processor costs more than a short case, which gets nothing back.
_FIRST_LOOK_SECONDS = 0.02


class CaseClock:
    """Calls `time_out` when a case has had its time, less what its processes waited for a processor.

    So a busy machine changes no verdict.
    """

    def __init__(self, case_seconds: float, time_out: Callable[[], None]) -> None:
        self.running: list[Running] = []
        """The processes that work on the case."""
        self._case_seconds = case_seconds
        self._time_out = time_out
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._due = 0.0
        self._first: tuple[float, float] | None = None
        """What was read when the case had run for a moment."""

    def start(self) -> None:
        """A case begins."""
        self._began = self._loop.time()
        self._due = self._began + self._case_seconds
        self._first = None
        # A timer that stands is cheaper to leave: when it comes early, it is set anew.
        if self._timer is None or self._timer.when() > self._began + _FIRST_LOOK_SECONDS:
            self._set_timer(min(_FIRST_LOOK_SECONDS, self._case_seconds))

    def stop(self) -> None:
        """No case runs any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def elapsed_seconds(self) -> float:
        """How long the case has run."""
        return self._loop.time() - self._began

    def _set_timer(self, seconds: float) -> None:
        self.stop()
        # For less than a millisecond uvloop's handle is none of a timer, and can't be asked when it is due.
        self._timer = self._loop.call_later(max(seconds, _MINIMUM_TIMER_SECONDS), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        if now < self._due:
            first_look = self._began + _FIRST_LOOK_SECONDS
            if self._first is None and now >= first_look:
                self._first = self._read()
            self._set_timer((self._due if self._first is not None else min(first_look, self._due)) - now)
            return
        if now > self._due + _LATE_SECONDS:
            # The event loop was busy: the answer may have come and not be read yet.
            self._due = now + _MINIMUM_TIMER_SECONDS
            self._set_timer(_MINIMUM_TIMER_SECONDS)
            return
        elapsed = self.elapsed_seconds()
        left = self._case_seconds - (elapsed - self._given_back(elapsed))
        left = min(left, _BACKSTOP_FACTOR * self._case_seconds - elapsed)
        if left > 0:
            self._due = now + left
            self._set_timer(left)
        else:
            self._time_out()

    def _given_back(self, elapsed: float) -> float:
        """What the case waited for a processor that others had."""
        if self._first is None:
            return 0.0
        first_starved, first_cpu = self._first
        starved, cpu = self._read()
        # A program can also starve itself, by processes of its own: what they ran it can't have waited for others.
        own = cpu - first_cpu
        return max(0.0, min(starved - first_starved, elapsed - own))

    def _read(self) -> tuple[float, float]:
        starved = sum(running.starved_seconds() for running in self.running)
        return starved, sum(running.cpu_seconds() for running in self.running)
