"""Frames of the hostile: each is decoded or refused, in time and memory in proportion to it."""

import contextlib
import itertools
import struct
import subprocess
import sys
import tracemalloc
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from crossing_values import anything
from hypothesis import given
from hypothesis import strategies as st

from trialbox.v1 import values
from trialbox.v1.skimming import skim
from trialbox.v1.values import MAX_DEPTH, ValueEncodingError, decode, encode

_PRIME = 2**61 - 1
"""Python's hash of a whole number is its remainder by this."""

_INT_0, _INT_1 = "03 01000000 00", "03 01000000 01"
_HOUR = "23 00000000 100e0000 00000000"
_EVERYTHING = [
    (None, True, -1, 1000, 2**70, 1.5, 1j, "é", b"b", bytearray(b"c"), range(1, 9, 2), Decimal("1.5E-7")),
    [Fraction(-1, 3), {1: {2}}, frozenset({(3,)}), deque([4], 5), OrderedDict(a=6), Counter("abca")],
    [defaultdict(list, {7: [8]}), date(2024, 2, 29), time(1, 2, 3, 4, timezone(timedelta(hours=1), "x"))],
    [datetime(2024, 2, 29, tzinfo=UTC, fold=1), timedelta(-1, 2, 3)],
]


def refused(frame: bytes) -> None:
    with pytest.raises(ValueEncodingError):
        decode(frame)


def sized(tag: int, *items: bytes, width: int = 1) -> bytes:
    """The frame of a container of these values."""
    return bytes([tag]) + struct.pack("<I", len(items) // width) + b"".join(items)


def refused_within(frame: bytes, resource: str, limit: int) -> str:
    """Decodes in a process that may have no more of a resource, and returns why it was refused."""
    program = f"""
import resource, sys
frame = sys.stdin.buffer.read()
resource.setrlimit(resource.{resource}, ({limit}, {limit}))
sys.path.insert(0, {str(Path(values.__file__).parent)!r})
import values
try:
    values.decode(frame)
except values.ValueEncodingError as error:
    print("refused:", error)
"""
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", program], input=frame, capture_output=True, check=False)
    assert ended.stdout.startswith(b"refused"), (ended.returncode, ended.stderr)
    return ended.stdout.decode()


@given(anything, st.data())
def test_a_truncated_frame_is_refused(value: object, data: st.DataObject) -> None:
    frame = encode(value)
    refused(frame[: data.draw(st.integers(0, len(frame) - 1))])


def test_a_frame_of_every_type_is_refused_truncated_at_any_length() -> None:
    frame = encode(_EVERYTHING)
    for length in range(len(frame)):
        refused(frame[:length])
        with pytest.raises(ValueEncodingError):
            skim(frame[:length])


def test_a_frame_of_every_type_with_any_byte_changed_decodes_or_is_refused() -> None:
    frame = encode(_EVERYTHING)
    for position, byte in itertools.product(range(len(frame)), (*range(0x28), 0x7F, 0x80, 0xFF)):
        damaged = frame[:position] + bytes([byte]) + frame[position + 1 :]
        with contextlib.suppress(ValueEncodingError):
            decode(damaged)


@given(anything, st.binary(min_size=1))
def test_a_frame_with_bytes_to_spare_is_refused(value: object, extra: bytes) -> None:
    refused(encode(value) + extra)


_frames = st.one_of(
    st.binary(),
    # Tags, small sizes and little else.
    st.lists(st.sampled_from([*range(0x28), 0xFF]) | st.just(0), max_size=60).map(bytes),
)


@given(_frames)
def test_any_bytes_decode_or_are_refused(frame: bytes) -> None:
    with contextlib.suppress(ValueEncodingError):
        decode(frame)


@given(anything, st.data())
def test_a_damaged_frame_decodes_or_is_refused(value: object, data: st.DataObject) -> None:
    frame = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(frame)))
        stop = data.draw(st.integers(start, min(start + 4, len(frame))))
        frame[start:stop] = data.draw(st.binary(max_size=4))
    with contextlib.suppress(ValueEncodingError):
        decode(bytes(frame))


@given(anything)
def test_what_decodes_encodes_again_and_decodes_to_the_same(value: object) -> None:
    once = decode(encode(value))
    assert len(encode(once)) == len(encode(value))


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "0c",
        "19",
        "1f",
        "25",
        "ff",
        "03 ffffffff 00",
        "06 ffffffff 61",
        "10 ffffffff 00",
        "14 ffffffff 00 00",
        "06 01000000 ff",
        "06 02000000 c080",
        # a range with step zero, of a bool, of a range, of nothing
        f"09 {_INT_0} {_INT_1} {_INT_0}",
        f"09 {_INT_0} 02 {_INT_1}",
        f"09 {_INT_0} 09 {_INT_0} {_INT_1} {_INT_1} {_INT_1}",
        f"09 {_INT_0}",
        # equal or unhashable keys
        "12 01000000 10 00000000",
        "12 01000000 15 ffffffffffffffff 00000000",
        "13 01000000 11 01000000 10 00000000",
        f"12 02000000 02 {_INT_1}",
        f"12 02000000 0a 01000000 31 {_INT_1}",
        "14 01000000 10 00000000 00",
        "14 02000000 00 01 00 02",
        "12 01000000 0a 04000000 734e614e",
        # decimals: none, in another form, beyond all limits
        "0a 00000000",
        "0a 01000000 61",
        "0a 02000000 2b31",
        "0a 02000000 2031",
        "0a 03000000 315f30",
        "0a 03000000 316535",
        "0a 04000000 31452b35ff",
        "0a 03000000 d9a1 31",
        "0a 16000000 31452b31303030303030303030303030303030303030",
        # fractions: by zero, not in lowest terms, with a negative denominator, of a float
        f"0b {_INT_1} {_INT_0}",
        "0b 03 01000000 02 03 01000000 04",
        "0b 03 01000000 01 03 01000000 ff",
        f"0b {_INT_1} 04 000000000000f03f",
        # deques: longer than their maxlen, with a negative one
        "15 0000000000000000 01000000 00",
        "15 feffffffffffffff 00000000",
        "15 ffffffffffffff7f ffffffff",
        # a dict of each other kind: equal keys, half a pair
        "16 02000000 00 01 00 02",
        "17 02000000 00 01 00 02",
        "18 00 02000000 00 01 00 02",
        "16 01000000 00",
        # a factory that is none of the list
        "18 0a 00000000",
        "18 ff 00000000",
        # no such day, hour, second, microsecond, fold, zone
        "20 e707 02 1d",
        "20 0000 01 01",
        "20 ffff 01 01",
        "21 18 00 00 00000000 00 00",
        "21 00 00 3c 00000000 00 00",
        "21 00 00 00 40420f00 00 00",
        "21 00 00 00 00000000 02 00",
        f"21 00 00 00 00000000 00 {_HOUR}",
        "21 00 00 00 00000000 00 03 01000000 00",
        "22 e707 02 1d 00 00 00 00000000 00 00",
        "22 e807 02 1d 00 00 00 00000000 00 06 00000000",
        # a timedelta beyond all limits, or not normalised
        "23 ffffff7f 00000000 00000000",
        "23 00000000 80510100 00000000",
        "23 00000000 00000000 40420f00",
        # a zone a day off, with an offset of None, with a number for its name
        "24 23 01000000 00000000 00000000 00",
        "24 00 00",
        f"24 {_HOUR} {_INT_0}",
    ],
)
def test_a_malformed_frame_is_refused(frame: str) -> None:
    refused(bytes.fromhex(frame))


def test_a_part_may_not_be_long() -> None:
    for parts in (("0b", 1, 1), ("09", 0, 1, 1)):
        tag, *numbers = parts
        for place in range(len(numbers)):
            encoded = [encode(number) for number in numbers]
            encoded[place] = encode(2 ** (8 * 4092) + 1)
            frame = bytes.fromhex(str(tag)) + b"".join(encoded)
            refused(frame)
            with pytest.raises(ValueEncodingError, match="length"):
                skim(frame)


@pytest.mark.parametrize("tag", ["10", "11", "15 ffffffffffffffff"])
def test_nesting_is_bounded_in_all_containers(tag: str) -> None:
    deepest = bytes.fromhex(f"{tag} 01000000" * MAX_DEPTH + "00")
    decode(deepest)
    refused(bytes.fromhex(f"{tag} 01000000") + deepest)
    for pair in ("14 01000000 00", "16 01000000 00", "17 01000000 00", "18 00 01000000 00"):
        refused(bytes.fromhex(pair) + deepest)


@pytest.mark.parametrize(
    "head",
    [
        *["03", "06", "07", "08", "0a", "10", "11", "12", "13", "14", "15 ffffffffffffffff", "16", "17", "18 00"],
        *["09 03", "0b 03", f"24 {_HOUR} 06"],
    ],
)
def test_a_claimed_size_costs_no_memory(head: str) -> None:
    # In a process that may not have the four gibibytes claimed.
    refused_within(bytes.fromhex(f"{head} ffffffff") + b"\0" * 1000, "RLIMIT_AS", 2**28)


@pytest.mark.parametrize(
    "item",
    [
        *["00", "03 01000000 ff", "06 00000000", "08 00000000", "10 00000000", "11 01000000 06 00000000"],
        *["12 00000000", "13 01000000 00", "14 00000000", "14 01000000 00 00", "15 ffffffffffffffff 00000000"],
        *["16 01000000 00 00", "17 01000000 00 00", "18 06 01000000 00 00", "0a 01000000 31", f"0b {_INT_0} {_INT_1}"],
        *[f"09 {_INT_0} {_INT_0} {_INT_1}", "20 e8070101", "22 e8070101 000000 00000000 00 00", _HOUR],
        f"24 {_HOUR} 00",
    ],
)
def test_memory_is_in_proportion_to_the_frame_whatever_it_is_full_of(item: str) -> None:
    count = 2000
    frame = sized(0x10, *[bytes.fromhex(item)] * count)
    decode(frame)  # what it imports is not counted
    tracemalloc.start()
    try:
        decode(frame)
        assert tracemalloc.get_traced_memory()[1] < 64 * len(frame) + 100_000
    finally:
        tracemalloc.stop()


def colliding(count: int) -> Iterator[bytes]:
    """The frames of so many ints with the same hash."""
    return (encode(number * _PRIME) for number in range(count))


def frozensets(depth: int, width: int, last: int) -> bytes:
    """A frozenset with the hash of all others of its kind, different in its last member."""
    if not depth:
        return encode(last * _PRIME)
    places = [*range(width - 1), last + width]
    return sized(0x13, *[frozensets(depth - 1, width, place) for place in places])


@pytest.mark.parametrize(
    "frame",
    [
        sized(0x12, *colliding(50_000)),
        sized(0x14, *[part for key in colliding(50_000) for part in (key, b"\0")], width=2),
        sized(0x10, *[sized(0x13, *colliding(9000))] * 40),
        sized(0x12, *[sized(0x11, *map(encode, key)) for key in itertools.product((-1, -2), repeat=15)]),
        # quick to build, slow to compare
        sized(0x12, encode(Decimal(5)), encode(5 + (_PRIME << 8_000_000))),
        sized(0x12, *[frozensets(4, 6, last) for last in range(50)]),
        sized(0x12, *[encode((0,) * 10_000 + (number * _PRIME,)) for number in range(100)]),
    ],
    ids=["set", "dict", "many", "tuples", "decimal", "frozensets", "prefixes"],
)
def test_keys_that_collide_are_refused_before_they_take_long(frame: bytes) -> None:
    assert "collide" in refused_within(frame, "RLIMIT_CPU", 12)


@pytest.mark.parametrize(
    "value",
    [
        set(range(-100_000, 100_000)),
        {1 << bits: bits for bits in range(3000)},
        {(x, y, z) for x in range(-20, 20) for y in range(-20, 20) for z in range(-20, 20)},
        {frozenset({(x, y), (y, x), (-1, y)}) for x in range(-30, 30) for y in range(-30, 30)},
        Counter(Decimal(number) / 8 for number in range(-3000, 3000)),
        {Fraction(number, 7) for number in range(-3000, 3000)},
        {"digits": 10**20_000, "ratio": Decimal("0.1"), "keys": {10**20_000: {Decimal(1)}}},
        {f"{number}" * 2000 for number in range(200)},
        {(number,) * 2000 for number in range(200)},
    ],
    ids=["ints", "powers", "cells", "shapes", "decimals", "fractions", "long", "texts", "tuples"],
)
def test_keys_of_honest_programs_are_taken(value: object) -> None:
    assert decode(encode(value)) == value
