"""Values of every type that crosses, and how to tell two of them apart to the last bit."""

import datetime
import struct
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

FACTORIES = (None, int, float, str, bool, bytes, list, dict, set, tuple)

_offsets = st.timedeltas(datetime.timedelta(hours=-23, minutes=-59), datetime.timedelta(hours=23, minutes=59))
timezones = st.one_of(
    st.builds(datetime.timezone, _offsets),
    st.builds(datetime.timezone, _offsets, st.text(max_size=5)),
)
_zones = st.none() | timezones
decimals = st.one_of(
    st.decimals(),
    st.builds(
        lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
        st.integers(0, 1),
        st.lists(st.integers(0, 9), min_size=1, max_size=30).map(tuple),
        st.integers(-(10**17), 10**17) | st.sampled_from(["n", "F"]),
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),  # -1 and -2 have the same hash
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
    st.builds(range, st.integers(), st.integers(), st.integers().filter(bool)),
    decimals.filter(lambda number: not number.is_snan()),  # has no hash
    st.fractions(),
    st.dates(),
    st.times(timezones=_zones),
    st.datetimes(timezones=_zones, allow_imaginary=True),
    st.builds(lambda day: day.replace(fold=1), st.datetimes()),
    st.timedeltas(),
    timezones,
)
hashables = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5).map(tuple) | st.frozensets(inner, max_size=5),
    max_leaves=10,
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One container of such values."""
    pairs = st.dictionaries(hashables, inner, max_size=5)
    items = st.lists(inner, max_size=5)
    return st.one_of(
        items,
        items.map(tuple),
        st.sets(hashables, max_size=5),
        st.builds(lambda items, room: deque(items, len(items) + room), items, st.integers(0, 2**62)),
        items.map(deque),
        pairs,
        pairs.map(OrderedDict),
        st.builds(defaultdict, st.sampled_from(FACTORIES), pairs),
        st.dictionaries(hashables, st.integers(), max_size=5).map(Counter),
    )


anything = st.recursive(hashables | st.binary().map(bytearray) | st.just(Decimal("sNaN")), containers, max_leaves=20)


def shape(value: object) -> object:
    """A stand-in that is equal only for the same types, the same bits and the same order."""
    if isinstance(value, float):
        return "float", struct.pack("<d", value)
    if isinstance(value, complex):
        return "complex", struct.pack("<dd", value.real, value.imag)
    if isinstance(value, list | tuple):
        return type(value).__name__, [shape(item) for item in value]
    if isinstance(value, deque):
        return "deque", value.maxlen, [shape(item) for item in value]
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(repr(shape(item)) for item in value)
    if isinstance(value, dict):
        factory = value.default_factory if isinstance(value, defaultdict) else None
        return type(value).__name__, factory, [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, Fraction):
        return "Fraction", value.numerator, value.denominator
    return type(value).__name__, repr(value)
