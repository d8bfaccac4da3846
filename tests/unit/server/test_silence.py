"""Silence is counted from the last that was heard, however busy whoever counts is."""

import asyncio

from clockwork import HurriedLoop, hurried

from trialbox.server.silence import Silence


class Listener:
    """Keeps a Silence of three seconds, and what comes of it."""

    def __init__(self) -> None:
        self.waiting = False
        """Whether something has arrived that was not heard yet."""
        self.ends: list[float] = []
        self.silence = Silence(3, look=self._look, too_long=lambda: self.ends.append(_now()))

    def _look(self) -> None:
        if self.waiting:
            self.waiting = False
            self.silence.broken()


def _now() -> float:
    return asyncio.get_running_loop().time()


@hurried
async def test_it_is_too_long_after_its_seconds_and_only_once() -> None:
    listener, begun = Listener(), _now()
    listener.silence.begin()
    await asyncio.sleep(100)
    assert listener.ends == [begun + 3]


@hurried
async def test_whatever_is_heard_begins_it_anew() -> None:
    listener, begun = Listener(), _now()
    listener.silence.begin()
    for _ in range(5):
        await asyncio.sleep(2.5)
        listener.silence.broken()
    await asyncio.sleep(100)
    assert listener.ends == [begun + 5 * 2.5 + 3]


@hurried
async def test_what_arrived_in_time_counts_though_nobody_had_time_to_hear_it() -> None:
    listener = Listener()
    listener.silence.begin()
    listener.waiting = True
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HurriedLoop)
    loop.now += 10  # as if something had kept the loop busy
    await asyncio.sleep(1)
    assert listener.ends == []
    await asyncio.sleep(100)
    assert len(listener.ends) == 1


@hurried
async def test_nothing_comes_after_its_end() -> None:
    listener = Listener()
    listener.silence.begin()
    listener.silence.end()
    await asyncio.sleep(100)
    assert listener.ends == []
