"""What people read of a value is its repr as long as that is short, and never long."""

import sys
import tracemalloc
from collections import Counter, OrderedDict, defaultdict, deque  # noqa: F401  # some in expressions only
from collections.abc import Callable
from decimal import Decimal  # noqa: F401
from fractions import Fraction  # noqa: F401
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.guest import briefs

_atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.binary(max_size=5).map(bytearray)
    | st.builds(range, st.integers(0, 9))
)
_hashable = st.none() | st.integers() | st.text(max_size=5)


def _nested(atoms: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        atoms,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=4).map(tuple)
            | st.dictionaries(_hashable, inner, max_size=4)
            | st.sets(_hashable, max_size=1)
            | st.frozensets(_hashable, max_size=1)
        ),
        max_leaves=10,
    )


@given(_nested(_atoms))
def test_what_is_short_is_its_repr(value: object) -> None:
    assert briefs.brief(value) == repr(value)


_long_ones = st.sampled_from([["x" * 700], {"y": "\n" * 400}, [0] * 300, [{}] * 300, (frozenset(),) * 99, b"\0" * 300])


@given(_nested(_atoms | _long_ones))
def test_what_is_cut_is_the_beginning_of_its_repr_with_a_mark(value: object) -> None:
    text, whole = briefs.brief(value), repr(value)
    assert text == (whole if len(whole) <= briefs.LIMIT else whole[: briefs.LIMIT] + "…")


@pytest.mark.parametrize("length", range(briefs.LIMIT - 4, briefs.LIMIT + 5))
@pytest.mark.parametrize("depth", [0, 1, 20])
def test_nothing_is_left_out_without_a_mark(length: int, depth: int) -> None:
    value: object = ["x" * (length - 2 * depth - 7), 1]
    for _ in range(depth):
        value = [value]
    text, whole = briefs.brief(value), repr(value)
    assert len(whole) == length
    assert text == (whole if length <= briefs.LIMIT else whole[: briefs.LIMIT] + "…")


_LONG = 200_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: "x" * _LONG,
        lambda: "\ud800" * _LONG,
        lambda: bytes(_LONG),
        lambda: bytearray(_LONG),
        lambda: [0] * _LONG,
        lambda: ((),) * _LONG,
        lambda: dict.fromkeys(range(_LONG)),
        lambda: {"x" * _LONG: ["y" * _LONG] * 1000},
        lambda: [["x" * _LONG] * 1000] * 1000,
        lambda: OrderedDict.fromkeys(range(_LONG)),
        lambda: set(range(_LONG)),
        lambda: frozenset(map(str, range(_LONG))),
        lambda: deque([0] * _LONG),
        lambda: Counter(range(_LONG)),
    ],
)
def test_of_a_long_value_little_is_told_and_made(make: Callable[[], object]) -> None:
    value = make()
    copied = sys.getsizeof(value) if isinstance(value, set | frozenset | deque | OrderedDict | Counter) else 0
    tracemalloc.start()
    try:
        text = briefs.brief(value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(text) == briefs.LIMIT + 1
    assert text.endswith("…")
    assert peak < 100_000 + 3 * copied


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("10**1000", "1" + "0" * 1000),
        ("10**5000", "<int of 16610 bits>"),
        ("-(10**5000)", "<int of 16610 bits>"),
        ("[10**5000, 1]", "[<int of 16610 bits>, 1]"),
        ("range(10**5000)", "<range of very many digits>"),
        ("Fraction(10**5000, 3)", "<Fraction of very many digits>"),
        ("Decimal('1.50')", "Decimal('1.50')"),
        ("True", "True"),
        ("-0.0", "-0.0"),
        ("float('nan')", "nan"),
        ("(1,)", "(1,)"),
        ("()", "()"),
        ("set()", "set()"),
        ("frozenset()", "frozenset()"),
        ("frozenset({2, 1})", "frozenset({1, 2})"),
        ("{3, 1, 2}", "{1, 2, 3}"),
        ("{'b', 'a'}", "{'a', 'b'}"),
        ("OrderedDict(a=1)", "OrderedDict({'a': 1})"),
        ("defaultdict(list, a=[1])", "defaultdict({'a': [1]})"),
        ("Counter('aab')", "Counter({'a': 2, 'b': 1})"),
        ("deque([1, 2], maxlen=2)", "deque([1, 2])"),
        (r"'\ud800'", r"'\ud800'"),
    ],
)
def test_texts_are_plain(expression: str, text: str) -> None:
    assert briefs.brief(eval(expression)) == text


def test_a_set_without_an_order_is_told_all_the_same() -> None:
    assert briefs.brief({1, "a"}) in ("{1, 'a'}", "{'a', 1}")


def test_values_nest_as_deep_as_they_may_cross() -> None:
    value: object = 0
    for _ in range(100):
        value = [value]
    assert briefs.brief(value) == repr(value)
