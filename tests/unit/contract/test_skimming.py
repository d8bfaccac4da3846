"""Skimming agrees with decoding on all that decodes, and builds nothing."""

import contextlib
import tracemalloc
from collections import Counter, OrderedDict, defaultdict
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from crossing_values import anything
from hypothesis import given
from hypothesis import strategies as st

from trialbox.v1.skimming import skim
from trialbox.v1.values import MAX_DEPTH, ValueEncodingError, decode, encode


@given(anything)
def test_skimming_tells_the_type_without_building_the_value(value: object) -> None:
    assert skim(encode(value)) is type(value)


@given(anything, st.data())
def test_what_decodes_also_skims(value: object, data: st.DataObject) -> None:
    frame = bytearray(encode(value))
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        skimmed = skim(bytes(frame))
    except ValueEncodingError:
        with pytest.raises(ValueEncodingError):
            decode(bytes(frame))
    else:
        with contextlib.suppress(ValueEncodingError):
            assert type(decode(bytes(frame))) is skimmed


@given(st.binary() | st.lists(st.sampled_from([*range(0x28), 0xFF, 0]), max_size=60).map(bytes))
def test_any_bytes_skim_or_are_refused(frame: bytes) -> None:
    with contextlib.suppress(ValueEncodingError):
        skim(frame)
        return
    with pytest.raises(ValueEncodingError):
        decode(frame)


def test_nesting_is_bounded() -> None:
    deepest = bytes.fromhex("10 01000000" * MAX_DEPTH + "00")
    assert skim(deepest) is list
    with pytest.raises(ValueEncodingError, match="nested"):
        skim(bytes.fromhex("10 01000000") + deepest)


@pytest.mark.parametrize("kind", [dict, OrderedDict, Counter, defaultdict])
def test_the_keys_of_a_dict_of_any_kind_may_be_asked_to_be_of_a_type(kind: Any) -> None:
    fitting = kind(None, {"a": {1: 2}}) if kind is defaultdict else kind({"a": {1: 2}})
    assert skim(encode(fitting), keys=str) is kind
    fitting[Decimal(1)] = 3
    assert skim(encode(fitting)) is kind
    with pytest.raises(ValueEncodingError, match="a key of type Decimal, not str"):
        skim(encode(fitting), keys=str)


def test_what_only_building_shows_is_not_looked_at() -> None:
    for frame in ("06 01000000 ff", "12 02000000 00 00", "20 0000 00 00", "0a 01000000 61"):
        skim(bytes.fromhex(frame))
        with pytest.raises(ValueEncodingError):
            decode(bytes.fromhex(frame))


def test_nothing_is_built() -> None:
    frame = encode([["text", 1 << 100, {1.5: UTC}] for _ in range(1000)])
    skim(frame)
    tracemalloc.start()
    try:
        skim(frame)
        assert tracemalloc.get_traced_memory()[1] < len(frame) + 10_000
    finally:
        tracemalloc.stop()
