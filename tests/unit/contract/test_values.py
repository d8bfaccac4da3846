"""The value encoding: what crosses comes back the same, all else is refused in one way."""

import decimal
import math
import re
import struct
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import pytest
from crossing_values import anything, shape
from hypothesis import given

from trialbox.v1 import values
from trialbox.v1.values import MAX_DEPTH, ValueEncodingError, decode, encode

ROOT = Path(__file__).resolve().parents[3]
SCIENTIFIC = ROOT / ".tools" / "scientific" / "bin" / "python"
HOUR = timedelta(hours=1)

# Each tag as the format's table says.
FRAMES: list[tuple[object, str]] = [
    (None, "00"),
    (False, "01"),
    (True, "02"),
    (-2, "03 01000000 fe"),
    (300, "03 02000000 2c01"),
    (2**32, "03 05000000 0000000001"),
    (-(2**7), "03 01000000 80"),
    (-(2**15), "03 02000000 0080"),
    (-(2**23), "03 03000000 000080"),
    (1.0, "04 000000000000f03f"),
    (1j, "05 0000000000000000 000000000000f03f"),
    ("é", "06 02000000 c3a9"),
    (b"ab", "07 02000000 6162"),
    (bytearray(b"a"), "08 01000000 61"),
    (range(0, 5, 2), "09 03 01000000 00 03 01000000 05 03 01000000 02"),
    (Decimal("-1.50E+9"), "0a 08000000 2d312e3530452b39"),
    (Fraction(-1, 3), "0b 03 01000000 ff 03 01000000 03"),
    ([True], "10 01000000 02"),
    ((None,), "11 01000000 00"),
    ({None}, "12 01000000 00"),
    (frozenset({None}), "13 01000000 00"),
    ({None: True}, "14 01000000 00 02"),
    (deque([True]), "15 ffffffffffffffff 01000000 02"),
    (deque([True], 3), "15 0300000000000000 01000000 02"),
    (OrderedDict({None: True}), "16 01000000 00 02"),
    (Counter({None: -1}), "17 01000000 00 03 01000000 ff"),
    (defaultdict(bool, {None: True}), "18 04 01000000 00 02"),
    (date(2024, 2, 29), "20 e807 02 1d"),
    (time(23, 59, 58, 7), "21 17 3b 3a 07000000 00 00"),
    (datetime(2024, 2, 29, 1, 2, 3, 4, fold=1), "22 e807 02 1d 01 02 03 04000000 01 00"),
    (timedelta(-1, 2, 3), "23 ffffffff 02000000 03000000"),
    (timezone(-HOUR), "24 23 ffffffff 70430100 00000000 00"),
    (timezone(HOUR, "a"), "24 23 00000000 100e0000 00000000 06 01000000 61"),
    (time(1, tzinfo=UTC), "21 01 00 00 00000000 00 24 23 00000000 00000000 00000000 00"),
]


class Pair(NamedTuple):
    first: object
    second: object


Item = TypeVar("Item")


class Boxed(NamedTuple, Generic[Item]):
    item: Item


Two = namedtuple("Two", "a b")


class Meddling(type):
    def __getattribute__(cls, name: str) -> object:
        raise AssertionError("ran while its type was named")

    def __hash__(cls) -> int:
        raise AssertionError("ran while its type was looked up")

    def __eq__(cls, other: object) -> bool:
        raise AssertionError("ran while its type was looked up")


class Meddler(metaclass=Meddling):
    pass


class Touchy(tuple[int, ...]):
    """A named tuple by its looks, all of whose own code fails."""

    _fields = ("a", "b")

    def fail(self, *arguments: object) -> Iterator[int]:
        raise AssertionError("ran while it was encoded")

    __iter__ = __len__ = __getitem__ = __eq__ = __hash__ = __repr__ = fail  # type: ignore[assignment]


class Text(str):
    __slots__ = ()


class Colour(IntEnum):
    RED = 1


class Corner(Pair, Enum):
    LEFT = (0, 0)


class Summer(tzinfo):
    def utcoffset(self, moment: datetime | None) -> timedelta:
        return HOUR

    def dst(self, moment: datetime | None) -> timedelta:
        return HOUR

    def tzname(self, moment: datetime | None) -> str:
        return "summer"


class Bag(Counter[str]):
    pass


def nested(depth: int) -> object:
    value: object = None
    for _ in range(depth):
        value = [value]
    return value


@given(anything)
def test_what_crosses_comes_back_with_its_types_bits_and_order(value: object) -> None:
    assert shape(decode(encode(value))) == shape(value)


@pytest.mark.parametrize(("value", "frame"), FRAMES, ids=repr)
def test_frames_are_what_the_table_says(value: object, frame: str) -> None:
    assert encode(value) == bytes.fromhex(frame)
    assert shape(decode(bytes.fromhex(frame))) == shape(value)


def test_the_specification_lists_every_type_under_its_tag() -> None:
    rows = re.findall(r"^\| `(..)` \| (\w+) \|", (ROOT / "docs" / "value-encoding.md").read_text(), re.MULTILINE)
    told = {(bytes.fromhex(tag), name) for tag, name in rows}
    named = (
        (frame, str(value) if value is None or isinstance(value, bool) else type(value).__name__)
        for value, frame in FRAMES
    )
    assert told == {(bytes.fromhex(frame)[:1], name) for frame, name in named}


@pytest.mark.parametrize(
    "number",
    [0, 1, -1, 127, 128, -128, -129, 255, 256, 2**15 - 1, 2**15, -(2**15), 2**64, 10**5000, -(10**5000)],
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


@pytest.mark.parametrize("kind", [dict, OrderedDict, Counter])
def test_a_dict_keeps_its_order(kind: type[dict[str, int]]) -> None:
    mapping = kind({"b": 1, "a": 2, "c": 3})
    assert list(decode(encode(mapping)).items()) == [("b", 1), ("a", 2), ("c", 3)]  # type: ignore[attr-defined]


def test_an_ordered_dict_crosses_in_the_order_it_was_moved_to() -> None:
    mapping = OrderedDict(a=1, b=2)
    mapping.move_to_end("a")
    assert decode(encode(mapping)) == OrderedDict(b=2, a=1)


@pytest.mark.parametrize(
    "text", ["0", "-0", "0E+5", "1E-6", "1E-7", "1.0", "Infinity", "NaN", "-NaN12", "sNaN1", "1E+999999999999999999"]
)
def test_a_decimal_keeps_its_form_whatever_the_program_set_for_decimals(text: str) -> None:
    with decimal.localcontext(capitals=0, prec=1) as context:
        context.clear_traps()
        frame = encode(Decimal(text))
        returned = decode(frame)
        with pytest.raises(ValueEncodingError):
            decode(frame.replace(frame[5:], b"x" * len(text)))
    assert repr(returned) == repr(Decimal(text))


def test_a_fraction_is_limited_where_python_takes_quadratic_time() -> None:
    largest = Fraction(1, 2 ** (8 * 4091 - 2))
    assert decode(encode(largest)) == largest
    for value in (largest / 2, 1 / (largest / 2), range(2 ** (8 * 4091))):
        with pytest.raises(ValueEncodingError, match="4096 bytes"):
            encode(value)


def test_factories_outside_the_list_cross_as_none() -> None:
    factories: list[Any] = [lambda: 0, complex, frozenset, Pair, Counter]
    for factory in factories:
        returned = decode(encode(defaultdict(factory, {"a": 1})))
        assert shape(returned) == shape(defaultdict(None, {"a": 1}))


@pytest.mark.parametrize("value", [Pair(1, [2]), Two(1, [2])])
def test_a_named_tuple_crosses_as_a_tuple(value: object) -> None:
    assert shape(decode(encode([value]))) == shape([(1, [2])])
    assert shape(decode(encode({Boxed(1): 2}))) == shape({(1,): 2})


def test_no_code_of_a_value_runs_while_it_is_encoded() -> None:
    assert decode(encode([Touchy((1, 2))])) == [(1, 2)]
    with pytest.raises(ValueEncodingError, match="Meddler"):
        encode(Meddler())


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        (Text("a"), "Text"),
        (Colour.RED, "Colour"),
        (Corner.LEFT, "Corner"),
        (Bag(), "Bag"),
        (type("Bare", (tuple,), {})(), "Bare"),
        (datetime(2024, 1, 1, tzinfo=Summer()), "Summer"),
        (time(1, tzinfo=Summer()), "Summer"),
        (len, "builtin_function_or_method"),
        (int, "type"),
        (iter([]), "list_iterator"),
        ({}.keys(), "dict_keys"),
        (memoryview(b"a"), "memoryview"),
        ([1, {"a": ({2}, Text("a"))}], "Text"),
        (deque([Text("a")]), "Text"),
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


def test_what_is_no_container_has_its_parts_however_deep_it_lies() -> None:
    value: object = [range(3), Fraction(1, 2), datetime(2024, 1, 1, tzinfo=timezone(HOUR, "a"))]
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert decode(encode(value)) == value


@pytest.mark.parametrize("kind", [list, deque, dict, OrderedDict, Counter, defaultdict])
def test_a_value_that_holds_itself_is_refused(kind: type) -> None:
    ring = kind()
    if isinstance(ring, dict):
        ring["self"] = [ring]
    else:
        ring.append((ring,))
    with pytest.raises(ValueEncodingError, match="holds itself"):
        encode(ring)


def test_a_small_value_that_unfolds_without_end_is_refused_by_its_length() -> None:
    leaves: list[object] = [[], deque(), "text", 1 << 100]
    for value in leaves:
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


def run(interpreter: str | Path, program: str) -> str:
    """What a program prints that finds the module the way a jail does."""
    program = f"import sys\nsys.path.insert(0, {str(Path(values.__file__).parent)!r})\n{program}"
    return subprocess.run([interpreter, "-I", "-c", program], capture_output=True, text=True, check=True).stdout


def test_the_module_stands_alone_and_imports_only_struct() -> None:
    program = "before = set(sys.modules)\nimport values\nprint(*sorted(set(sys.modules) - before))"
    assert run(sys.executable, program).split() == ["_struct", "struct", "values"]


def test_a_rarer_type_is_imported_when_a_frame_brings_it() -> None:
    program = f"""
import values
def loaded():
    print(*sorted({{"decimal", "fractions", "datetime"}} & set(sys.modules)), sep=",")
values.decode({encode([1, "a", {2.5: (None, {3})}])!r})
loaded()
for frame in {[encode(value) for value in (date(2024, 1, 1), Decimal(1), Fraction(1, 2))]!r}:
    print(repr(values.decode(frame)) + " " + values.encode(values.decode(frame)).hex())
loaded()
"""
    assert run(sys.executable, program).splitlines() == [
        "",
        f"datetime.date(2024, 1, 1) {encode(date(2024, 1, 1)).hex()}",
        f"Decimal('1') {encode(Decimal(1)).hex()}",
        f"Fraction(1, 2) {encode(Fraction(1, 2)).hex()}",
        "datetime,decimal,fractions",
    ]


def test_scalars_of_numpy_cross_as_pythons_and_arrays_do_not() -> None:
    if not SCIENTIFIC.exists():
        pytest.skip("`make scientific` has not been run")
    program = """
import numpy, values
from fractions import Fraction
print(values.decode(values.encode([
    numpy.int64(-3), numpy.uint8(200), numpy.float64(0.5), numpy.float32(0.25), numpy.bool_(True),
    numpy.complex128(1j), numpy.str_("a"), numpy.bytes_(b"b"), {numpy.int32(7): numpy.float64("nan")},
    Fraction(numpy.int64(1), numpy.int64(2)),
])))
for value in (numpy.zeros(2), numpy.array(1), numpy.datetime64("2024-01-01"), numpy.longdouble(1), numpy.int64):
    try:
        print(values.encode(value))
    except values.ValueEncodingError as error:
        print(error)
"""
    assert run(SCIENTIFIC, program).splitlines() == [
        "[-3, 200, 0.5, 0.25, True, 1j, 'a', b'b', {7: nan}, Fraction(1, 2)]",
        "a value of type ndarray can't cross",
        "a value of type ndarray can't cross",
        "a value of type datetime64 can't cross",
        "a value of type longdouble can't cross",
        "a value of type type can't cross",
    ]
