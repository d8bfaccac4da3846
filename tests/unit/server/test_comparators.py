"""Whether an answer is right depends on the rule of the case, and on nothing else."""

import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.grading import Rule
from trialbox.server.guest import comparators

_atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
_exact_atoms = st.none() | st.integers() | st.text(max_size=5)
_Point = namedtuple("_Point", "x y")


def _nested(atoms: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        atoms,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        ),
        max_leaves=8,
    )


def same(
    rule: Rule,
    expected: object,
    answer: object,
    relative: float = 0.0,
    absolute: float = 0.0,
    arguments: tuple[object, ...] = (),
) -> bool:
    judged = comparators.same(rule, expected, answer, relative, absolute, arguments)
    assert isinstance(judged, bool)
    return judged


def close(expected: object, answer: object, relative: float = 1e-6, absolute: float = 0.0) -> bool:
    return same(Rule.EQUAL, expected, answer, relative, absolute)


@given(st.sampled_from([Rule.EQUAL, Rule.UNORDERED]), _nested(_atoms), st.sampled_from([0.0, 1e-6]))
def test_every_value_is_what_was_expected_of_it_nan_included(rule: Rule, value: object, tolerance: float) -> None:
    assert same(rule, value, value, tolerance)


@given(_nested(_exact_atoms), _nested(_exact_atoms))
def test_without_floats_equal_is_pythons_own(expected: object, answer: object) -> None:
    assert close(expected, answer, 1.0, 1e9) == (expected == answer)


@given(st.sampled_from([Rule.EQUAL, Rule.UNORDERED]), _nested(_atoms), _nested(_atoms))
def test_without_a_tolerance_it_is_all_the_same_which_of_two_was_expected(
    rule: Rule, one: object, other: object
) -> None:
    assert same(rule, one, other) == same(rule, other, one)


@given(st.sampled_from(list(Rule)), _nested(_atoms), _nested(_atoms), st.floats(0, 1e9), st.floats(0, 1e9))
def test_any_two_values_are_the_same_or_not(
    rule: Rule, expected: object, answer: object, relative: float, absolute: float
) -> None:
    same(rule, expected, answer, relative, absolute, (expected,))


@given(_nested(_atoms), _nested(_atoms), st.floats(0, 1), st.floats(0, 1))
def test_a_tolerance_only_ever_adds_answers(expected: object, answer: object, relative: float, absolute: float) -> None:
    if same(Rule.EQUAL, expected, answer):
        assert same(Rule.EQUAL, expected, answer, relative, absolute)


@pytest.mark.parametrize(
    ("expected", "answer", "is_same"),
    [
        (1, True, True),
        (0, False, True),
        (1, 1.0, True),
        (1, "1", False),
        (0.0, -0.0, True),
        ([1], (1,), False),
        ((1,), (1,), True),
        ([1, 2], [2, 1], False),
        ({1, 2}, {2, 1}, True),
        ({1}, frozenset({1}), True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (b"a", bytearray(b"a"), True),
        (b"a", "a", False),
        (None, 0, False),
        ("", [], False),
        (math.nan, math.nan, True),
        (math.nan, float("nan"), True),
        ([{"a": (math.nan,)}], [{"a": (float("nan"),)}], True),
        (math.nan, 0.0, False),
        (0.0, math.nan, False),
        (math.nan, None, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (10**400, 10**400, True),
        (1.0, 10**400, False),
        (math.inf, 10**400, False),
        (1e308, 10**308, False),
    ],
)
def test_equal_is_pythons_equal_and_nan_is_nan(expected: object, answer: object, is_same: bool) -> None:
    assert same(Rule.EQUAL, expected, answer) is is_same


@pytest.mark.parametrize(
    ("expected", "answer", "is_same"),
    [
        (1.0, 1.0000001, True),
        (1.0, 1.1, False),
        (1.0, 1, True),
        (1.0, True, True),
        ([1.0, [2.0]], [1.0000001, [2.0000001]], True),
        ([1.0, 2.0], [1.0, 2.1], False),
        ([1.0, 2.0], [1.0], False),
        ([1.0], (1.0,), False),
        ({"a": 1.0}, {"a": 1.0000001}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
        ({"a": 1.0}, {"a": 1.0, "b": 1.0}, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (math.inf, 1e308, False),
        (math.nan, math.nan, True),
        (math.nan, 0.0, False),
        (0.0, math.nan, False),
        (1.0, "1.0", False),
        (1.0, None, False),
        ("x", "x", True),
        (3, 3.0000001, False),
        ({1.0}, {1.0000001}, False),
        (_Point(1, 2.0), (1, 2.0000001), True),
        ((1, 2.0), _Point(1, 2.0000001), True),
        ([1, 2.0], _Point(1, 2.0), False),
        ({"a": 1.0}, defaultdict(float, a=1.0000001), True),
        (Counter(a=1), {"a": 1}, True),
        (Counter(a=1), Counter(a=1, b=0), True),
        (OrderedDict(a=1.0, b=2.0), OrderedDict(a=1.0000001, b=2.0), True),
        (OrderedDict(a=1.0, b=2.0), OrderedDict(b=2.0, a=1.0), False),
        (OrderedDict(a=1.0, b=2.0), {"b": 2.0, "a": 1.0000001}, True),
        (deque([1.0, 2.0]), deque([1.0000001, 2.0], maxlen=5), True),
        (deque([1.0]), [1.0], False),
    ],
)
def test_only_floats_have_a_tolerance(expected: object, answer: object, is_same: bool) -> None:
    assert close(expected, answer) is is_same


@pytest.mark.parametrize("expected", [1.0, math.nan, math.inf, 0.0])
def test_an_integer_too_big_for_a_float_is_not_close_to_one(expected: float) -> None:
    assert not close(expected, 10**400)


def test_absolute_tolerance_counts_where_the_relative_one_can_not() -> None:
    assert not close(0.0, 1e-9, 1e-6, 0.0)
    assert close(0.0, 1e-9, 0.0, 1e-8)


@given(st.lists(_nested(_atoms), max_size=6), st.randoms())
def test_unordered_takes_the_items_in_any_order(items: list[Any], random: Any) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert same(Rule.UNORDERED, items, shuffled)
    assert same(Rule.UNORDERED, items, shuffled, 1e-9)
    assert same(Rule.UNORDERED, items, tuple(shuffled))


_few_items = st.integers(0, 2) | st.sampled_from(["", [], [1], (1,), {"a": 1}])


@given(st.lists(_few_items, min_size=1, max_size=5), _few_items, st.integers(0, 4))
def test_unordered_wants_each_item_as_often(items: list[Any], other: Any, place: int) -> None:
    place %= len(items)
    assert not same(Rule.UNORDERED, items, [*items[:place], *items[place + 1 :]])
    assert not same(Rule.UNORDERED, items, [*items, items[place]])
    replaced = [other, *items[:place], *items[place + 1 :]]
    assert same(Rule.UNORDERED, items, replaced) == (other == items[place])


@pytest.mark.parametrize(
    ("expected", "answer", "relative", "is_same"),
    [
        ([1, 2], {1, 2}, 0.0, True),
        ({1, 2}, [2, 1], 0.0, True),
        ([1, 1, 2], [1, 2, 2], 0.0, False),
        ([0, 1, 2], range(3), 0.0, True),
        (deque([1, 2]), [2, 1], 0.0, True),
        ([[1], [2]], [[2], [1]], 0.0, True),
        ([[1, 2]], [[2, 1]], 0.0, False),
        ([{"a": 1}, [2]], [[2], {"a": 1}], 0.0, True),
        ([1, [2]], [[2], [1]], 0.0, False),
        ([1, True], [1.0, 1], 0.0, True),
        ([(1,)], [[1]], 0.0, False),
        ([math.nan, 1], [1, float("nan")], 0.0, True),
        ([(math.nan, 1), 2], [2, (float("nan"), 1)], 0.0, True),
        ([math.nan, math.nan], [float("nan"), 1.0], 0.0, False),
        ([1.0, 2.0], [2.0000001, 1.0000001], 1e-6, True),
        ([1.0, 1.0], [1.0, 2.0], 1e-6, False),
        # What texts and dicts are made of is not all that they are.
        ("ab", "ba", 0.0, False),
        ("ab", "ab", 0.0, True),
        (["a", "b"], "ba", 0.0, False),
        ([97], b"a", 0.0, False),
        ({"a": 1}, {"a": 2}, 0.0, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, 0.0, True),
        (["a"], {"a": 1}, 0.0, False),
        ({"a": 1.0}, {"a": 1.0000001}, 1e-6, True),
        (1, 1, 0.0, True),
        (1, [1], 0.0, False),
        ([], None, 0.0, False),
        (None, None, 0.0, True),
        (math.nan, math.nan, 0.0, True),
    ],
)
def test_unordered_is_of_items(expected: object, answer: object, relative: float, is_same: bool) -> None:
    assert same(Rule.UNORDERED, expected, answer, relative) is is_same


@pytest.mark.parametrize(
    ("rule", "expected", "answer", "absolute", "is_same"),
    [
        # As numpy.allclose(answer, expected, rtol=1e-7, atol) says, where both have the same type.
        (Rule.EVALPLUS, 1.0, 1.0000009, 0.0, True),
        (Rule.EVALPLUS, 1.0, 1.0000012, 0.0, False),
        (Rule.EVALPLUS, 1e9, 1e9 + 99, 0.0, True),
        (Rule.EVALPLUS, 1e9, 1e9 + 101, 0.0, False),
        (Rule.EVALPLUS, 0.0, 9e-7, 0.0, True),
        (Rule.EVALPLUS, 0.0, -0.0, 0.0, True),
        (Rule.EVALPLUS, 1.0, 1.05, 0.1, True),
        (Rule.EVALPLUS, 1.0, 1, 0.0, True),
        (Rule.EVALPLUS, 2.0000001, 2, 0.0, False),
        (Rule.EVALPLUS, 2, 2.0000001, 1e-6, False),
        (Rule.EVALPLUS, 2, 3, 1.0, True),
        (Rule.EVALPLUS, True, 1, 0.0, True),
        (Rule.EVALPLUS, math.nan, math.nan, 0.0, False),
        (Rule.EVALPLUS, math.inf, math.inf, 0.0, True),
        (Rule.EVALPLUS, math.inf, 5.0, 0.0, False),
        (Rule.EVALPLUS, 5.0, math.inf, 0.0, False),
        (Rule.EVALPLUS, -math.inf, math.inf, 0.0, False),
        (Rule.EVALPLUS, [1.0, 2.0], [1.0000009, 2.0], 0.0, True),
        (Rule.EVALPLUS, [1.0, 2.0], (1.0, 2.0), 0.0, False),
        (Rule.EVALPLUS, [1.0, 2.0], [1.0], 0.0, False),
        (Rule.EVALPLUS, [1.0, math.inf], [1.0000009, math.inf], 0.0, True),
        (Rule.EVALPLUS, [1.0, math.nan], [1.0, float("nan")], 0.0, False),
        (Rule.EVALPLUS, [1.0, 2], [1.0000009, 2], 0.0, False),  # not all floats: no tolerance unless given
        (Rule.EVALPLUS, [1.0, 2], [1.0000009, 2], 1e-6, True),
        (Rule.EVALPLUS, [[1.0], [2.0]], [[1.0000009], [2.0]], 0.0, False),
        (Rule.EVALPLUS, [[1.0], [2.0]], [[1.0000009], [2.0]], 1e-6, True),
        (Rule.EVALPLUS, [[1.0], [2.0]], [(1.0000009,), (2.0,)], 1e-6, True),
        (Rule.EVALPLUS, [], [], 0.0, True),
        (Rule.EVALPLUS, [], [1.0], 0.0, False),
        (Rule.EVALPLUS, ["a"], ["b"], 1.0, False),
        (Rule.EVALPLUS, [None], [None], 1.0, True),
        (Rule.EVALPLUS, {"a": 1.0}, {"a": 1.0000001}, 1e-6, False),
        (Rule.EVALPLUS, {1.0}, {1.0000001}, 1e-6, False),
        (Rule.EVALPLUS, complex(1, 1), complex(1, 1.0000009), 1e-6, True),
        (Rule.EVALPLUS, complex(math.inf, 0), complex(1, 0), 1e-6, False),
        (Rule.EVALPLUS, complex(1, 0), complex(math.inf, 0), 1e-6, False),
        (Rule.EVALPLUS, 1.0, 10**400, 0.0, False),
        (Rule.EVALPLUS, [1, 10**400], [2, 10**401], 1.0, False),
        (Rule.EVALPLUS_SET, [1, 2, 2], [2, 1], 0.0, True),
        (Rule.EVALPLUS_SET, [1, 2], (2, 1, 1), 0.0, True),
        (Rule.EVALPLUS_SET, [1, 2], [1, 3], 0.0, False),
        (Rule.EVALPLUS_SET, [[1]], [[1]], 0.0, False),  # no set can be made of these
        (Rule.EVALPLUS_SET, [1], None, 0.0, False),
        (Rule.EVALPLUS_NOT_NONE, True, object(), 0.0, True),
        (Rule.EVALPLUS_NOT_NONE, True, None, 0.0, False),
        (Rule.EVALPLUS_NOT_NONE, False, None, 0.0, True),
        (Rule.EVALPLUS_NOT_NONE, False, 1, 0.0, False),
        (Rule.EVALPLUS_NOT_NONE, True, False, 0.0, False),
        (Rule.EVALPLUS_NOT_NONE, False, False, 0.0, True),
    ],
)
def test_evalplus_has_its_own_rules(
    rule: Rule, expected: object, answer: object, absolute: float, is_same: bool
) -> None:
    assert same(rule, expected, answer, 0.0, absolute) is is_same


@pytest.mark.parametrize(
    ("coefficients", "answer", "absolute", "is_same"),
    [
        ([-4, 0, 1], 2, 0.0, True),
        ([-4, 0, 1], -2.0, 0.0, True),
        ([-4, 0, 1], 2.00001, 1e-4, True),
        ([-4, 0, 1], 2.1, 1e-4, False),
        ([-4, 0, 1], math.nan, 1e-4, False),
        ([-4, 0, 1], math.inf, 1e-4, False),
        ([-4, 1, -1, 0], math.inf, 1e-4, False),
        ([-4, 0, 1], 1e300, 1e-4, False),
        ([-4, 0, 1], None, 1e-4, False),
        ([-4, 0, 1], "2", 1e-4, False),
        ([-4, 0, 1], [2], 1e-4, False),
        ([-4, 0, 1], 2j, 1e-4, False),
        (None, 2, 1e-4, False),
        (["a"], 2, 1e-4, False),
    ],
)
def test_a_root_is_a_zero_of_the_polynomial_in_the_first_argument_whatever_was_expected(
    coefficients: object, answer: object, absolute: float, is_same: bool
) -> None:
    for expected in (2, None):
        assert same(Rule.EVALPLUS_ROOT, expected, answer, 0.0, absolute, (coefficients,)) is is_same


@pytest.mark.parametrize("rule", [rule for rule in Rule if rule is not Rule.EVALPLUS_NOT_NONE])
def test_a_signaling_nan_is_no_answer_and_no_harm(rule: Rule) -> None:
    for answer in (Decimal("sNaN"), [Decimal("sNaN")]):
        assert not same(rule, Decimal(1), answer, arguments=([1, 1],))
        assert not same(rule, answer, Decimal(1), arguments=([1, 1],))


def test_without_arguments_nothing_is_a_root() -> None:
    assert not same(Rule.EVALPLUS_ROOT, 2, 2, 0.0, 1e-4)


@pytest.mark.parametrize("rule", [Rule.UNORDERED, Rule.EVALPLUS_SET])
def test_a_range_is_compared_by_its_length_before_it_is_written_out(rule: Rule) -> None:
    assert not same(rule, [1, 2], range(10**14))
    assert not same(rule, [1, 2], range(10**30))
    assert same(rule, [2, 0, 1], range(3))
