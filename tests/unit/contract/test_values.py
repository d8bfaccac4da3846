"""The value encoding: what crosses comes back the same, all else is refused in one way."""

import contextlib
import math
import struct
import subprocess
import sys
from collections import OrderedDict
from decimal import Decimal
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.v1 import values
from trialbox.v1.values import MAX_DEPTH, ValueEncodingError, decode, encode, skim

# Each tag as the format's table says.
FRAMES: list[tuple[object, str]] = [
    (None, "00"),
    (False, "01"),
    (True, "02"),
    (-2, "03 01000000 fe"),
    (1.0, "04 000000000000f03f"),
    (1j, "05 0000000000000000 000000000000f03f"),
    ("é", "06 02000000 c3a9"),
    (b"ab", "07 02000000 6162"),
    (bytearray(b"a"), "08 01000000 61"),
    (range(0, 5, 2), "09 03 01000000 00 03 01000000 05 03 01000000 02"),
    ([True], "10 01000000 02"),
    ((None,), "11 01000000 00"),
    ({None}, "12 01000000 00"),
    (frozenset({None}), "13 01000000 00"),
    ({None: True}, "14 01000000 00 02"),
]

hashables = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.builds(range, st.integers(), st.integers(), st.integers().filter(bool)),
    lambda inner: st.lists(inner, max_size=5).map(tuple) | st.frozensets(inner, max_size=5),
    max_leaves=10,
)
anything = st.recursive(
    hashables | st.binary().map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(hashables, inner, max_size=5)
        | st.sets(hashables, max_size=5)
    ),
    max_leaves=30,
)


def shape(value: object) -> object:
    """A stand-in that is equal only for the same types, the same bits and the same order."""
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    if isinstance(value, complex):
        return "complex", struct.pack("<dd", value.real, value.imag)
    if isinstance(value, list | tuple):
        return type(value).__name__, [shape(item) for item in value]
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(repr(shape(item)) for item in value)
    if isinstance(value, dict):
        return "dict", [(shape(key), shape(item)) for key, item in value.items()]
    return type(value).__name__, repr(value)


def nested(depth: int) -> object:
    value: object = None
    for _ in range(depth):
        value = [value]
    return value


class Text(str):
    __slots__ = ()


class Colour(IntEnum):
    RED = 1


class Meddling(type):
    def __getattribute__(cls, name: str) -> object:
        raise AssertionError("ran while its type was named")


class Meddler(metaclass=Meddling):
    pass


@given(anything)
def test_what_crosses_comes_back_with_its_types_bits_and_order(value: object) -> None:
    assert shape(decode(encode(value))) == shape(value)


@pytest.mark.parametrize(("value", "frame"), FRAMES, ids=repr)
def test_frames_are_what_the_table_says(value: object, frame: str) -> None:
    assert encode(value) == bytes.fromhex(frame)
    assert shape(decode(bytes.fromhex(frame))) == shape(value)


@pytest.mark.parametrize(
    "number",
    [0, 1, -1, 127, 128, -128, -129, 255, 256, 2**64, 10**5000, -(10**5000)],
    ids=lambda n: f"{n.bit_length()}b",
)
def test_ints_of_any_size_cross(number: int) -> None:
    assert decode(encode(number)) == number


def test_an_int_of_a_megabyte_crosses_whatever_the_limit_on_digits() -> None:
    number = 1 << 8_000_000
    assert decode(encode(number)) == number


def test_the_sign_of_zero_and_every_bit_of_a_nan_cross() -> None:
    odd_nan = struct.unpack("<d", bytes.fromhex("010000000000f8ff"))[0]
    for number in (-0.0, math.inf, -math.inf, odd_nan):
        returned = decode(encode(number))
        assert struct.pack("<d", returned) == struct.pack("<d", number)


def test_lone_surrogates_stay_apart() -> None:
    for text in ("\ud83d", "\ud83d\ude00", "a\udfffb", "\U0001f600"):
        assert decode(encode(text)) == text


def test_a_dict_keeps_its_order() -> None:
    assert list(decode(encode({"b": 1, "a": 2})).items()) == [("b", 1), ("a", 2)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        (Text("a"), "Text"),
        (Colour.RED, "Colour"),
        (OrderedDict(a=1), "OrderedDict"),
        (Decimal(1), "Decimal"),
        (len, "builtin_function_or_method"),
        (int, "type"),
        ([1, {"a": ({2}, Text("a"))}], "Text"),
        (Meddler(), "Meddler"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_type_is_refused_by_name(value: object, name: str) -> None:
    with pytest.raises(ValueEncodingError, match=rf"\b{name}\b"):
        encode(value)


def test_nesting_is_bounded_both_ways() -> None:
    deepest = nested(MAX_DEPTH)
    assert decode(encode(deepest)) == deepest
    with pytest.raises(ValueEncodingError, match="nested"):
        encode(nested(MAX_DEPTH + 1))
    with pytest.raises(ValueEncodingError, match="nested"):
        decode(bytes.fromhex("10 01000000" * (MAX_DEPTH + 1) + "00"))


def test_a_value_that_holds_itself_is_refused() -> None:
    ring: list[object] = []
    ring.append(ring)
    knot: dict[str, object] = {}
    knot["self"] = (knot,)
    for value in (ring, knot):
        with pytest.raises(ValueEncodingError, match="holds itself"):
            encode(value)


def test_a_small_value_that_unfolds_without_end_is_refused_by_its_length() -> None:
    value: list[object] = []
    for _ in range(MAX_DEPTH - 1):
        value = [value, value]
    with pytest.raises(ValueEncodingError, match="longer than 10000 bytes"):
        encode(value, max_bytes=10_000)


@given(anything)
def test_the_longest_frame_allowed_is_exact(value: object) -> None:
    frame = encode(value)
    assert encode(value, max_bytes=len(frame)) == frame
    with pytest.raises(ValueEncodingError, match="longer"):
        encode(value, max_bytes=len(frame) - 1)


def refused(frame: bytes) -> None:
    with pytest.raises(ValueEncodingError):
        decode(frame)


@given(anything, st.data())
def test_a_truncated_frame_is_refused(value: object, data: st.DataObject) -> None:
    frame = encode(value)
    refused(frame[: data.draw(st.integers(0, len(frame) - 1))])


@given(anything, st.binary(min_size=1))
def test_a_frame_with_bytes_to_spare_is_refused(value: object, extra: bytes) -> None:
    refused(encode(value) + extra)


@given(st.binary())
def test_any_bytes_decode_or_are_refused(frame: bytes) -> None:
    with contextlib.suppress(ValueEncodingError):
        decode(frame)


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
        refused(bytes(frame))
    else:
        with contextlib.suppress(ValueEncodingError):
            assert type(decode(bytes(frame))) is skimmed


@given(st.binary())
def test_any_bytes_skim_or_are_refused(frame: bytes) -> None:
    with contextlib.suppress(ValueEncodingError):
        skim(frame)


@given(anything, st.data())
def test_a_damaged_frame_decodes_or_is_refused(value: object, data: st.DataObject) -> None:
    frame = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueEncodingError):
        decode(bytes(frame))


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "0a",
        "15",
        "ff",
        "03 ffffffff 00",
        "06 ffffffff 61",
        "10 ffffffff 00",
        "14 ffffffff 00 00",
        "06 01000000 ff",
        "06 02000000 c080",
        "09 03 01000000 00 03 01000000 05 03 01000000 00",
        "09 03 01000000 00 02 03 01000000 01",
        "12 01000000 10 00000000",
        "13 01000000 11 01000000 10 00000000",
        "12 02000000 02 03 01000000 01",
        "14 01000000 10 00000000 00",
        "14 02000000 00 01 00 02",
    ],
)
def test_a_malformed_frame_is_refused(frame: str) -> None:
    refused(bytes.fromhex(frame))


@pytest.mark.parametrize("tag", ["03", "06", "07", "08", "10", "11", "12", "13", "14"])
def test_a_claimed_size_costs_no_memory(tag: str) -> None:
    # In a process that may not have the four gibibytes claimed.
    program = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))
sys.path.insert(0, {str(Path(values.__file__).parent)!r})
import values
try:
    values.decode(bytes.fromhex("{tag} ffffffff") + b"\\x00" * 1000)
except values.ValueEncodingError:
    print("refused")
"""
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("refused\n", "")


def test_the_module_stands_alone_and_imports_only_struct() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(values.__file__).parent)!r})
before = set(sys.modules)
import values
print(*sorted(set(sys.modules) - before))
"""
    ended = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["_struct", "struct", "values"]
