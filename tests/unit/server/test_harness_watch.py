"""What a harness reports may be forged: it is taken in order, or the process is stopped."""

from collections.abc import Callable

import pytest
from clockwork import WatchedProcess, hurried, passed
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.grading import CaseResult, Verdict
from trialbox.server.guest import frames
from trialbox.server.harness_watch import HarnessWatch
from trialbox.server.model import ProgramException

_TEXT_LIMIT = 100
_CASE_SECONDS = 3600.0


def record(*fields: bytes) -> bytes:
    """A record as the harness writes it."""
    return frames.pack(frames.pack(*fields))


def ended(
    number: int | bytes, verdict: bytes = b"PASSED", told: tuple[bytes, ...] = (b"", b"", b"0"), shown: bytes = b"v"
) -> bytes:
    """The record of a case that has ended."""
    written = number if isinstance(number, bytes) else b"%d" % number
    return record(b"end", written, verdict, shown, b"wanted", *told)


def begun(number: int) -> bytes:
    """The record of a case that begins."""
    return record(b"begin", b"%d" % number)


LOADED = record(b"loaded")


class Watched(WatchedProcess):
    """A watch on a process that only the test feeds."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__()
        self.watch = HarnessWatch(numbers, case_seconds=_CASE_SECONDS, text_limit=_TEXT_LIMIT)
        self.feed: Callable[[bytes], None] = self.watch.attach(self)


async def test_records_in_order_give_results() -> None:
    watched = Watched([4, 7, 9])
    watch = watched.watch
    assert (watch.loaded, watch.current, watch.remaining) == (False, None, [4, 7, 9])
    watched.feed(LOADED + begun(4))
    assert (watch.loaded, watch.current, watch.remaining) == (True, 4, [7, 9])
    watched.feed(ended(4) + begun(7) + ended(7, b"ERROR", (b"ValueError", b"no", b"3")))
    assert (watch.current, watch.remaining, watched.reasons) == (None, [9], [])
    watch.detach()
    passed, failed = watch.results[4], watch.results[7]
    assert (passed.verdict, passed.actual, passed.expected, passed.message) == (Verdict.PASSED, "v", "wanted", "")
    assert passed.exception is None
    assert (failed.verdict, failed.message) == (Verdict.ERROR, "ValueError: no (line 3)")
    assert failed.exception == ProgramException(type="ValueError", message="no", line=3)
    assert failed.wall_seconds >= 0


async def test_a_program_that_does_not_load_says_why() -> None:
    watched = Watched([0, 1])
    watched.feed(record(b"unloaded", b"SyntaxError", b"invalid syntax", b"2"))
    watched.watch.detach()
    assert not watched.watch.loaded
    failure = watched.watch.load_failure
    assert failure is not None
    assert failure.exception == ProgramException(type="SyntaxError", message="invalid syntax", line=2)
    assert watched.reasons == []


_ONE_DONE = LOADED + begun(0) + ended(0)
_FORGERIES = {
    "loaded twice": LOADED,
    "load failed after it had not": record(b"unloaded", b"E", b"m", b"0"),
    "case repeated": begun(0),
    "case out of turn": begun(2),
    "case of no suite": begun(99),
    "case of a negative number": record(b"begin", b"-1"),
    "case of no number": record(b"begin", b"one"),
    "case not named": record(b"begin"),
    "end before the beginning": ended(1),
    "end of a case that has ended": ended(0, b"FAILED"),
    "end of another case": begun(1) + ended(2),
    "end of no number": begun(1) + ended(b"x"),
    "verdict of no name": begun(1) + ended(1, b"GREAT"),
    "verdict in small letters": begun(1) + ended(1, b"passed"),
    "verdict that is not text": begun(1) + ended(1, b"\xff"),
    "value that is not text": begun(1) + ended(1, shown=b"\xff"),
    "too few fields": begun(1) + record(b"end", b"1", b"PASSED"),
    "half an exception": begun(1) + ended(1, b"ERROR", (b"E",)),
    "too many fields": begun(1) + ended(1, b"ERROR", (b"E", b"m", b"0", b"more")),
    "line of no number": begun(1) + ended(1, b"ERROR", (b"E", b"m", b"x")),
    "line too long for a number": begun(1) + ended(1, b"ERROR", (b"E", b"m", b"9" * 5000)),
    "line that is negative": begun(1) + ended(1, b"ERROR", (b"E", b"m", b"-5")),
    "unknown record": record(b"shutdown"),
    "empty record": record(),
    "record with an empty name": record(b""),
    "record that is no frame": frames.pack(b"garbage"),
    "bytes that are no frame": b"garbage garbage",
    "begun twice": begun(1) + begun(1),
    "begun before the last has ended": begun(1) + begun(2),
}


@pytest.mark.parametrize("name", _FORGERIES)
async def test_any_other_record_stops_the_process_and_takes_no_result_away(name: str) -> None:
    watched = Watched([0, 1, 2])
    watched.feed(_ONE_DONE)
    before = watched.watch.results[0]
    watched.feed(_FORGERIES[name])
    assert watched.reasons == [b"forged"]
    watched.feed(begun(1) + ended(1) + begun(2) + ended(2))
    watched.watch.detach()
    assert watched.watch.results == {0: before}
    assert watched.reasons == [b"forged"]


async def test_a_case_beyond_the_last_stops_the_process() -> None:
    watched = Watched([0])
    watched.feed(_ONE_DONE + begun(1))
    watched.watch.detach()
    assert watched.reasons == [b"forged"]
    assert watched.watch.remaining == []


async def test_a_case_before_the_program_has_loaded_stops_the_process() -> None:
    watched = Watched([0])
    watched.feed(begun(0))
    watched.watch.detach()
    assert (watched.reasons, watched.watch.results) == ([b"forged"], {})


async def test_a_program_that_has_not_loaded_does_not_load_after_all() -> None:
    watched = Watched([0])
    watched.feed(record(b"unloaded", b"E", b"m", b"0") + LOADED)
    watched.watch.detach()
    assert (watched.reasons, watched.watch.loaded) == ([b"forged"], False)


async def test_what_a_record_tells_is_kept_short() -> None:
    long = b"x" * 100_000
    watched = Watched([0])
    watched.feed(LOADED + begun(0) + ended(0, b"ERROR", (long, long, b"1"), shown=long))
    watched.watch.detach()
    assert watched.reasons == []
    result = watched.watch.results[0]
    assert result.exception is not None
    texts = (result.actual, result.message, result.exception.type, result.exception.message)
    assert max(map(len, texts)) < 3 * _TEXT_LIMIT


@given(st.sampled_from([10**9, 2**32 - 1, 2**32, 10**12, 10**100]))
async def test_a_line_fits_the_wire_or_stops_the_process(line: int) -> None:
    watched = Watched([0])
    watched.feed(LOADED + begun(0) + ended(0, b"ERROR", (b"E", b"m", b"%d" % line)))
    watched.watch.detach()
    result = watched.watch.results.get(0)
    assert watched.reasons == [b"forged"] or (
        result is not None and result.exception is not None and result.exception.line < 2**32
    )


_any_record = st.sampled_from(
    [LOADED, begun(0), begun(1), begun(2), ended(0), ended(1), ended(2), ended(0, b"FAILED"), *_FORGERIES.values()]
)


@given(st.lists(_any_record | st.binary(max_size=30), max_size=12))
async def test_any_bytes_give_results_in_order_and_never_raise(chunks: list[bytes]) -> None:
    watched = Watched([0, 1, 2])
    watch, seen = watched.watch, dict[int, CaseResult]()
    for chunk in chunks:
        watched.feed(chunk)
        assert watch.results.items() >= seen.items()
        seen = dict(watch.results)
    watch.detach()
    done = list(watch.results)
    current = [] if watch.current is None else [watch.current]
    assert done + current + watch.remaining == [0, 1, 2]
    assert watched.reasons in ([], [b"forged"])


@hurried
async def test_a_case_that_takes_too_long_is_stopped_by_the_clock() -> None:
    watched = Watched([0, 1])
    watched.feed(LOADED + begun(0))
    await watched.stopped.wait()
    assert watched.reasons == [b"wall"]
    assert (watched.watch.overdue, watched.watch.current) == (True, 0)
    assert watched.watch.current_seconds() == pytest.approx(_CASE_SECONDS)
    watched.watch.detach()


@hurried
async def test_a_program_that_takes_too_long_to_load_is_stopped_by_the_clock() -> None:
    watched = Watched([0])
    await watched.stopped.wait()
    watched.watch.detach()
    assert (watched.reasons, watched.watch.overdue, watched.watch.loaded) == ([b"wall"], True, False)


@hurried
async def test_once_time_is_up_the_case_is_lost_and_no_other_blamed() -> None:
    # The answer and the kill cross on their way: the process is as good as dead.
    watched = Watched([0, 1])
    watched.feed(LOADED + begun(0))
    await watched.stopped.wait()
    watched.feed(ended(0) + begun(1))
    watched.watch.detach()
    assert watched.watch.current == 0
    assert (watched.watch.results, watched.watch.remaining) == ({}, [1])


@hurried
async def test_loading_and_each_case_have_a_time_of_their_own() -> None:
    watched = Watched([0, 1])
    await passed(0.9 * _CASE_SECONDS)
    for records in (LOADED + begun(0), ended(0) + begun(1), ended(1)):
        watched.feed(records)
        await passed(0.9 * _CASE_SECONDS)
    watched.watch.detach()
    await passed(2 * _CASE_SECONDS)
    assert watched.reasons == []
    assert watched.watch.results[0].wall_seconds == pytest.approx(0.9 * _CASE_SECONDS)
