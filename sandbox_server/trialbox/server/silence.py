"""How long a program has put out nothing, and what to do when that is too long."""

import asyncio
from collections.abc import Callable


class Silence:
    """Calls `too_long` when nothing was heard for `at_most_seconds`.

    `look` takes what has arrived meanwhile and was not heard yet.
    """

    def __init__(self, at_most_seconds: float, *, look: Callable[[], None], too_long: Callable[[], None]) -> None:
        self._at_most_seconds = at_most_seconds
        self._look = look
        self._too_long = too_long
        self._loop = asyncio.get_running_loop()
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start to count."""
        # In this order: only a timer makes uvloop look at the clock.
        self._timer = self._loop.call_later(self._at_most_seconds, self._due)
        self.broken()

    def broken(self) -> None:
        """Something was heard: count anew."""
        self._since = self._loop.time()

    def end(self) -> None:
        """Count no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _due(self) -> None:
        self._look()
        left = self._since + self._at_most_seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._due)
        else:
            self._too_long()
