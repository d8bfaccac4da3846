"""Time that passes at once, and processes to keep the time of."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any
from unittest import mock

from trialbox.server import watching


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop that waits for no timer: its clock goes on to the next one when nothing else is to be done.

    `now` may be set forward, as if something had kept the loop busy meanwhile.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        super().__init__(_HurriedSelector(self))

    def time(self) -> float:
        return self.now


class _HurriedSelector(selectors.DefaultSelector):
    def __init__(self, loop: HurriedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(timeout and 0)
        if timeout and not ready:
            self._loop.now += timeout
        return ready


def hurried(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an asynchronous test on a HurriedLoop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        # What this very process waits for a processor on the machine is no time on that clock.
        unstarved = mock.patch.object(watching, "starved_seconds", return_value=0.0)
        with unstarved, asyncio.Runner(loop_factory=HurriedLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def loop() -> HurriedLoop:
    """The running loop of a hurried test."""
    running = asyncio.get_running_loop()
    assert isinstance(running, HurriedLoop)
    return running


async def passed(seconds: float) -> None:
    """Let so much time pass."""
    done = loop().create_future()
    loop().call_later(seconds, done.set_result, None)
    await done


class WatchedProcess:
    """A process of which only the test knows what it does."""

    def __init__(self) -> None:
        self.reasons: list[bytes] = []
        self.stopped = asyncio.Event()
        self.starved_seconds: Callable[[], float] = lambda: 0.0
        self.cpu_seconds: Callable[[], float] = lambda: 0.0

    def stop(self, reason: bytes) -> None:
        self.reasons.append(reason)
        self.stopped.set()
