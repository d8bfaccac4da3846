"""A case has its own time, whatever the machine is busy with; here the time is the test's."""

import asyncio
import os

import pytest
import uvloop
from clockwork import WatchedProcess, hurried, loop, passed

from trialbox.server.case_clock import CaseClock

_SECONDS = 3.0
# What a case waited in its first moment is not read.
_MOMENT = 0.05


class Timed:
    """A clock with one process, and when it said that time was up."""

    def __init__(self) -> None:
        self.process = WatchedProcess()
        self.clock = CaseClock(_SECONDS, lambda: self._ups.append(loop().time()))
        self.clock.running = [self.process]
        self._ups: list[float] = []

    async def up_after(self) -> float | None:
        """How many seconds from now on time is up, if it ever is."""
        now = loop().time()
        await passed(1000 * _SECONDS)
        assert len(self._ups) <= 1
        return self._ups[0] - now if self._ups else None


@hurried
async def test_a_case_has_its_time_and_no_more() -> None:
    timed = Timed()
    timed.clock.start()
    assert await timed.up_after() == pytest.approx(_SECONDS)


@hurried
async def test_a_clock_that_was_not_started_or_was_stopped_says_nothing() -> None:
    timed = Timed()
    assert await timed.up_after() is None
    timed.clock.start()
    await passed(0.9 * _SECONDS)
    timed.clock.stop()
    assert await timed.up_after() is None


@hurried
async def test_each_case_has_all_of_the_time_again() -> None:
    timed = Timed()
    for _ in range(5):
        timed.clock.start()
        await passed(0.9 * _SECONDS)
    assert timed.clock.elapsed_seconds() == pytest.approx(0.9 * _SECONDS)
    assert await timed.up_after() == pytest.approx(0.1 * _SECONDS)


@hurried
async def test_a_clock_that_was_stopped_can_be_started_again() -> None:
    timed = Timed()
    timed.clock.start()
    timed.clock.stop()
    await passed(_SECONDS)
    timed.clock.start()
    assert await timed.up_after() == pytest.approx(_SECONDS)


@hurried
async def test_time_a_case_waited_for_a_processor_is_given_back() -> None:
    timed = Timed()
    began = loop().time()
    timed.process.starved_seconds = lambda: min(loop().time() - began, 0.5 * _SECONDS)
    timed.clock.start()
    assert await timed.up_after() == pytest.approx(1.5 * _SECONDS, abs=_MOMENT)


@hurried
async def test_what_all_processes_of_a_case_waited_counts() -> None:
    timed = Timed()
    began = loop().time()
    others = [WatchedProcess(), WatchedProcess()]
    for process in others:
        process.starved_seconds = lambda: min(loop().time() - began, 0.25 * _SECONDS)
    timed.clock.running += others
    timed.clock.start()
    assert await timed.up_after() == pytest.approx(1.5 * _SECONDS, abs=_MOMENT)


@hurried
async def test_no_case_has_more_than_ten_times_its_own_time() -> None:
    timed = Timed()
    timed.process.starved_seconds = loop().time  # it never runs
    timed.clock.start()
    assert await timed.up_after() == pytest.approx(10 * _SECONDS, rel=0.01)


@hurried
async def test_a_program_that_starves_itself_gets_no_time_back() -> None:
    timed = Timed()
    timed.process.starved_seconds = loop().time
    timed.process.cpu_seconds = lambda: loop().time() * (os.cpu_count() or 1)
    timed.clock.start()
    assert await timed.up_after() == pytest.approx(_SECONDS, abs=_MOMENT)


@hurried
async def test_time_waited_before_a_case_is_not_given_to_it() -> None:
    timed = Timed()
    began = loop().time()
    timed.process.starved_seconds = lambda: min(loop().time() - began, 0.9 * _SECONDS)
    timed.clock.start()
    await passed(0.9 * _SECONDS)
    timed.clock.start()
    assert timed.clock.elapsed_seconds() == 0
    assert await timed.up_after() == pytest.approx(_SECONDS)


@hurried
async def test_what_a_new_process_waited_before_it_came_does_not_count() -> None:
    timed = Timed()
    timed.clock.start()
    newcomer = WatchedProcess()
    newcomer.starved_seconds = lambda: 1e9
    timed.clock.running = [timed.process, newcomer]
    timed.clock.start()
    assert await timed.up_after() == pytest.approx(_SECONDS)


@hurried
async def test_an_answer_that_waits_to_be_read_by_a_busy_server_is_read_before_time_is_up() -> None:
    timed = Timed()
    timed.clock.start()
    loop().now += 2 * _SECONDS  # the loop was busy
    loop().call_soon(loop().call_soon, timed.clock.stop)  # and only now comes to what came meanwhile
    assert await timed.up_after() is None


@hurried
async def test_a_busy_server_is_no_reason_to_wait_for_long() -> None:
    timed = Timed()
    timed.clock.start()
    loop().now += 2 * _SECONDS
    assert await timed.up_after() == pytest.approx(0, abs=0.1)


def test_a_time_too_short_for_the_servers_loop_to_count_is_time_all_the_same() -> None:
    async def start_twice() -> None:
        up = asyncio.Event()
        clock = CaseClock(0.0002, up.set)
        clock.start()
        clock.start()
        await asyncio.wait_for(up.wait(), 60)

    uvloop.run(start_twice())
