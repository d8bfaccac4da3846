"""Records are cut out of a stream as they were put in, however it arrives; all else ends the reading."""

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.guest import frames
from trialbox.server.records import RecordReader

_RECORD_BYTES = 1000


class Told:
    """A reader, and what it told; a record that begins with "bad" is not taken."""

    def __init__(self) -> None:
        self.records: list[list[bytes]] = []
        self.refusals = 0
        self.reader = RecordReader(self._take, self._refuse, record_bytes=_RECORD_BYTES)

    def _take(self, fields: list[bytes]) -> None:
        if fields[0] == b"bad":
            raise ValueError("bad")
        self.records.append(fields)

    def _refuse(self) -> None:
        self.refusals += 1


def record(*fields: bytes) -> bytes:
    return frames.pack(frames.pack(*fields))


_records = st.lists(st.lists(st.binary(max_size=20), min_size=1, max_size=4).filter(lambda fields: fields[0] != b"bad"))


@given(_records, st.lists(st.integers(min_value=0, max_value=300)))
def test_records_come_out_as_they_went_in_however_they_were_cut(records: list[list[bytes]], cuts: list[int]) -> None:
    stream = b"".join(record(*fields) for fields in records)
    told = Told()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        told.reader.feed(stream[start:end])
    assert (told.records, told.refusals) == (records, 0)


@given(st.lists(st.binary(max_size=30) | st.sampled_from([record(b"good"), record(b"bad"), b"7:", b"1:3"])))
def test_any_bytes_are_records_or_refused_once(chunks: list[bytes]) -> None:
    told = Told()
    for chunk in chunks:
        told.reader.feed(chunk)
    assert told.refusals in (0, 1)
    assert all(type(field) is bytes for fields in told.records for field in fields)


@pytest.mark.parametrize(
    "data", [record(b"bad"), record(), frames.pack(b"garbage"), b"garbage", b"-1:", b"9999999999999:"]
)
def test_after_what_is_no_record_nothing_is_read_any_more(data: bytes) -> None:
    told = Told()
    told.reader.feed(record(b"first") + data + record(b"next"))
    told.reader.feed(record(b"later"))
    assert (told.records, told.refusals) == ([[b"first"]], 1)


@pytest.mark.parametrize("problem", [ValueError, IndexError, KeyError, TypeError, OverflowError])
def test_whatever_is_wrong_with_a_fields_content_it_is_refused(problem: type[Exception]) -> None:
    refused = []

    def take(fields: list[bytes]) -> None:
        raise problem("odd")

    RecordReader(take, lambda: refused.append(1)).feed(record(b"x"))
    assert refused == [1]


def test_a_record_may_be_as_large_as_was_said() -> None:
    told = Told()
    content = b"x" * (_RECORD_BYTES - 20)
    for byte in record(content):
        told.reader.feed(bytes([byte]))
    assert (told.records, told.refusals) == ([[content]], 0)


@pytest.mark.parametrize("length", [b"2000:", b"999999999999:"])
def test_an_oversized_record_is_refused_before_it_is_whole_and_takes_little_memory(length: bytes) -> None:
    told = Told()
    told.reader.feed(length)
    tracemalloc.start()
    try:
        for _ in range(100):
            told.reader.feed(b"x" * _RECORD_BYTES)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (told.records, told.refusals) == ([], 1)
    assert peak < 20 * _RECORD_BYTES


def test_who_wants_no_more_is_told_nothing_more() -> None:
    told = Told()
    told.reader.feed(record(b"first"))
    told.reader.end()
    told.reader.feed(record(b"late") + b"garbage")
    assert (told.records, told.refusals) == ([[b"first"]], 0)


def test_reading_may_be_ended_by_a_record() -> None:
    records: list[list[bytes]] = []

    def take(fields: list[bytes]) -> None:
        records.append(fields)
        reader.end()

    reader = RecordReader(take, lambda: None)
    reader.feed(record(b"last") + record(b"late"))
    assert records == [[b"last"]]
