"""No more pass than a quota allows, and nobody waits longer than that takes."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.quotas import Messages, QuotaExceededError, Rate, Streams


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_passes_and_then_as_many_as_time_allows() -> None:
    clock = Clock()
    rate = Rate(2, 3, clock=clock)
    for _ in range(3):
        rate.take()
    with pytest.raises(QuotaExceededError, match="requests_per_second is 2, with a burst of 3") as raised:
        rate.take()
    assert (raised.value.quota, raised.value.retry_seconds) == ("requests_per_second", 0.5)
    clock.seconds += raised.value.retry_seconds
    rate.take()
    clock.seconds += 1000
    for _ in range(3):
        rate.take()
    with pytest.raises(QuotaExceededError):
        rate.take()


@given(st.floats(0.5, 100), st.integers(1, 20), st.lists(st.floats(0, 2), max_size=50))
def test_in_no_time_do_more_pass_than_burst_and_rate_allow(per_second: float, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    rate = Rate(per_second, burst, clock=clock)
    for passed, pause in enumerate(pauses, 1):
        clock.seconds += pause
        try:
            rate.take()
        except QuotaExceededError as error:
            clock.seconds += error.retry_seconds + 1e-6
            rate.take()  # whoever waits as long as was said has its turn
        assert passed <= burst + clock.seconds * per_second + 1e-6


async def test_those_of_a_stream_pass_one_after_the_other() -> None:
    rate = Rate(200, 1)
    passed: list[int] = []

    async def one(number: int) -> None:
        await rate.take_later()
        passed.append(number)

    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(one(number) for number in range(11)))
    assert passed == list(range(11))
    assert asyncio.get_running_loop().time() - began >= 10 / 200 - 0.001


def test_without_a_rate_all_pass() -> None:
    rate = Rate(None, 1)
    for _ in range(1000):
        rate.take()


def test_so_many_streams_are_open_at_once() -> None:
    streams = Streams(2)
    with streams.one(1.0), streams.one(1.0):
        with pytest.raises(QuotaExceededError, match="streams is 2") as raised, streams.one(1.0):
            pass
        assert (raised.value.quota, raised.value.retry_seconds) == ("streams", 1.0)
    with streams.one(1.0), streams.one(1.0):
        pass


def test_messages_are_held_up_to_a_bound_until_their_calls_have_ended() -> None:
    messages = Messages(100)
    first, second = messages.hold(60, 1), messages.hold(40, 1)
    with pytest.raises(QuotaExceededError, match="hold 100 bytes; with 1 more they would be above 100") as raised:
        messages.hold(1, 7)
    assert (raised.value.quota, raised.value.retry_seconds) == ("message_bytes", 7)
    second.release()
    first.add(30)
    with pytest.raises(QuotaExceededError):
        messages.hold(11, 1)
    messages.hold(10, 1)
    first.release()
    first.release()
    messages.hold(90, 1)


def test_one_call_may_hold_more_than_the_bound() -> None:
    messages = Messages(100)
    only = messages.hold(200, 1)
    with pytest.raises(QuotaExceededError):
        messages.hold(1, 1)
    only.release()
    messages.hold(1, 1)
