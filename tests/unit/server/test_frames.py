"""The frames that host and guest exchange: hostile bytes come in through them."""

import contextlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.guest import frames

_FRAGMENTS = (b"0", b"1", b"3", b"12", b"007", b"9" * 12, b":", b"::", b"-1:", b"+1:", b" 1:", b"1_0:", b"abc", b"\xff")
_almost_frames = st.lists(st.sampled_from(_FRAGMENTS)).map(b"".join)


@given(st.lists(st.binary(max_size=50)))
def test_fields_packed_unpack_to_the_same_fields(fields: list[bytes]) -> None:
    assert frames.unpack(frames.pack(*fields)) == fields


@given(st.lists(st.lists(st.binary(max_size=20))))
def test_frames_nest(runs: list[list[bytes]]) -> None:
    packed = frames.pack(*(frames.pack(*run) for run in runs))
    assert [frames.unpack(frame) for frame in frames.unpack(packed)] == runs


@given(st.binary() | _almost_frames)
def test_any_bytes_unpack_or_raise_a_frame_error(data: bytes) -> None:
    try:
        fields = frames.unpack(data)
    except frames.FrameError:
        return
    assert frames.unpack(frames.pack(*fields)) == fields
    assert sum(map(len, fields)) <= len(data)


@given(st.binary() | _almost_frames, st.integers(min_value=0, max_value=60))
def test_a_next_field_is_whole_or_missing_or_a_frame_error_at_any_position(data: bytes, position: int) -> None:
    try:
        field, after = frames.next_field(bytearray(data), position)
    except frames.FrameError:
        return
    if field is None:
        assert after == position
    else:
        assert data[:after].endswith(b":" + field)
        assert after > position


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_every_prefix_of_a_field_is_incomplete_and_the_whole_is_not(field: bytes, after: bytes) -> None:
    packed = frames.pack(field)
    for end in range(len(packed)):
        assert frames.next_field(packed[:end]) == (None, 0)
    assert frames.next_field(packed + after) == (field, len(packed))


@given(st.lists(st.binary(max_size=20)))
def test_fields_are_found_one_after_the_other(fields: list[bytes]) -> None:
    buffer, position = bytearray(frames.pack(*fields)), 0
    for expected in fields:
        field, position = frames.next_field(buffer, position)
        assert field == expected
    assert position == len(buffer)
    assert frames.next_field(buffer, position) == (None, position)


@given(st.lists(st.binary(max_size=20), min_size=1), st.data())
def test_a_frame_cut_off_inside_a_field_is_refused(fields: list[bytes], data: st.DataObject) -> None:
    packed = frames.pack(*fields)
    last = len(frames.pack(fields[-1]))
    cut = data.draw(st.integers(min_value=1, max_value=last - 1))
    with pytest.raises(frames.FrameError):
        frames.unpack(packed[:-cut])


@pytest.mark.parametrize("length", [b"1" * 13, b"0" * 13, b"9" * 100, b"1" * 5000])
def test_a_length_of_more_than_twelve_digits_is_refused(length: bytes) -> None:
    for frame in (length, length + b":", length + b":x"):
        with pytest.raises(frames.FrameError):
            frames.next_field(frame)


def test_a_huge_claimed_length_allocates_nothing() -> None:
    frame = b"9" * 12 + b":" + b"x" * 1000
    tracemalloc.start()
    try:
        assert frames.next_field(frame) == (None, 0)
        with pytest.raises(frames.FrameError):
            frames.unpack(frame)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"0:" * 1_000_000, id="a million empty fields"),
        pytest.param(b"1:x" * 1_000_000 + b"1", id="a million fields and a cut-off one"),
        pytest.param(b"0:" * 1_000_000 + b"x" * 1_000_000, id="a million fields and garbage"),
        pytest.param(b"7" * 10_000_000, id="ten million digits"),
        pytest.param(b":" * 10_000_000, id="ten million colons"),
    ],
)
def test_adversarial_frames_take_no_more_than_one_pass(frame: bytes) -> None:
    # Anything worse than linear would not end here.
    with contextlib.suppress(frames.FrameError):
        assert set(frames.unpack(frame)) <= {b"", b"x"}
