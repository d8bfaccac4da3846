"""What the program does to its copies of the arguments is done to the judge's own, and no more than that."""

import contextlib
import importlib
import math
import operator
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from crossing_values import anything, hashables, shape
from hypothesis import given
from hypothesis import strategies as st

from trialbox.v1.values import decode, encode

mirror = importlib.import_module("trialbox.server.guest.mirror")

arguments = st.lists(anything, max_size=4).map(tuple)
MUTABLE = (list, deque, set, bytearray, dict)


class Point(NamedTuple):
    x: object
    y: object


def copied(value: Any) -> Any:
    """As the program gets it."""
    return decode(encode(value))


def called(function: Callable[..., object], *given: object) -> None:
    """A call as the judge makes it: the function gets copies, and the originals are mirrored."""
    copies = copied(given)
    function(*copies)
    mirror.apply(given, copied(copies))


def containers(value: Any, path: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], Any]]:
    """Each container inside a value, with its place."""
    if isinstance(value, dict):
        inside = [(encode(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple | deque):
        inside = [(b"%d" % place, item) for place, item in enumerate(value)]
    elif isinstance(value, MUTABLE):
        inside = []
    else:
        return
    yield path, value
    for place, item in inside:
        yield from containers(item, (*path, place))


def kind(container: object) -> tuple[object, ...]:
    """What has to be the same for one container to become equal to another."""
    return type(container), getattr(container, "maxlen", None)


def mutate(target: Any, data: st.DataObject) -> None:
    """Do one of the things to it that programs do."""
    value, byte, key = data.draw(anything), data.draw(st.integers(0, 255)), data.draw(hashables)
    operations: list[Callable[[], object]]
    if isinstance(target, bytearray):
        operations = [lambda: target.append(byte), lambda: target.insert(0, byte), target.pop, target.reverse]
    elif isinstance(target, set):
        operations = [lambda: target.add(key), target.pop]
    elif isinstance(target, dict):
        own = data.draw(st.sampled_from([*target, key]))
        operations = [
            lambda: target.update([(own, value)]) if type(target) is not Counter else target.update([key]),
            lambda: target.pop(own),
            lambda: target.__setitem__(own, target.pop(own)),
            lambda: target.__setattr__("default_factory", set) if isinstance(target, defaultdict) else None,
        ]
    else:
        place = data.draw(st.integers(0, max(len(target) - 1, 0)))
        operations = [
            lambda: target.append(value),
            lambda: target.insert(place, value),
            lambda: target.__delitem__(place),
            lambda: target.__setitem__(place, value),
            target.reverse,
        ]
    with contextlib.suppress(IndexError, KeyError):  # there is nothing to pop, or no room
        data.draw(st.sampled_from([*operations, target.clear]))()


@given(arguments, st.data())
def test_what_a_program_does_to_its_arguments_is_done_to_the_judges(original: tuple[object, ...], data: Any) -> None:
    changed = copied(original)
    before = {path: (kind(container), container) for path, container in containers(original)}
    for _ in range(data.draw(st.integers(0, 4))):
        inside = [container for _, container in containers(changed) if isinstance(container, MUTABLE)]
        if inside:
            mutate(data.draw(st.sampled_from(inside)), data)
    mirror.apply(original, copied(changed))
    assert shape(original) == shape(changed)
    after = dict(containers(original))
    for path, container in after.items():
        way = [path[:length] for length in range(len(path) + 1)]
        if all(place in before and before[place][0] == kind(after[place]) for place in way):
            assert isinstance(container, tuple) or container is before[path][1]


@given(arguments, arguments)
def test_arguments_of_any_shapes_become_equal_where_their_types_are(
    original: tuple[object, ...], changed: tuple[object, ...]
) -> None:
    own = list(original)
    mirror.apply(original, copied(changed))
    assert all(map(operator.is_, original, own))
    for old, new in zip(original, changed, strict=False):
        if isinstance(old, MUTABLE) and kind(old) == kind(new):
            assert shape(old) == shape(new)


@given(arguments, anything)
def test_whatever_the_program_sends_nothing_is_raised(original: tuple[object, ...], changed: object) -> None:
    mirror.apply(original, changed)


def test_containers_stay_the_objects_they_are_at_any_depth() -> None:
    row, inner = [3, 1, 2], {"a": [1]}
    rows = (row, [inner, deque([row[:]])])
    called(lambda rows: (rows[0].sort(), rows[1][0]["a"].append(2), rows[1][1][0].clear()), rows)
    assert rows == ([1, 2, 3], [{"a": [1, 2]}, deque([[]])])
    assert rows[0] is row
    assert rows[1][0] is inner


def test_a_dict_takes_the_order_the_program_gave_it() -> None:
    for kind in (dict, OrderedDict, Counter):
        given: Any = kind(a=1, b=2, c=3)
        called(lambda given: given.update(a=given.pop("a")), given)
        assert list(given.items()) == [("b", 2), ("c", 3), ("a", 1)]


def test_an_object_at_several_places_changes_as_the_first_that_changed() -> None:
    row = [0, 0]
    grid = [row] * 3
    called(lambda grid: grid[1].__setitem__(0, 1), grid)
    assert grid == [[1, 0]] * 3
    assert all(line is row for line in grid)
    called(lambda one, other: other.append(2), row, row)
    assert row == [1, 0, 2]


def test_what_the_program_left_alone_can_be_iterated_over_meanwhile() -> None:
    for untouched in ([1, 2], deque([1, 2]), {1, 2}, {1: 2, 2: 3}, OrderedDict({1: 2, 2: 3}), {frozenset({1, 2}), 3}):
        other: list[object] = []
        for number in untouched:
            called(lambda untouched, other, number: other.append(number), untouched, other, number)
        assert other == list(untouched)


def test_what_keeps_its_length_can_change_while_the_test_iterates_over_it() -> None:
    given = OrderedDict(a=1, b=2)
    for key in given:
        called(lambda given, key: given.update({key: 0}), given, key)
    assert given == OrderedDict(a=0, b=0)
    for numbers in ([1, 2], deque([1, 2])):
        for number in numbers:
            called(lambda numbers, number: numbers.__setitem__(number - 1, 0), numbers, number)
        assert list(numbers) == [0, 0]


def test_what_is_equal_stays_the_object_it_is() -> None:
    nothing, text = math.nan, "a text of some length"
    given = [nothing, text, Point(1, [2]), {nothing: [nothing]}, "last"]
    own = given[:-1]
    called(lambda given: (given[2][1].append(3), given[3].update(b=1), given.pop()), given)
    assert given == [nothing, text, (1, [2, 3]), {nothing: [nothing], "b": 1}]
    assert all(map(operator.is_, given, own))


def test_a_deque_of_another_maxlen_is_another_deque() -> None:
    given = [deque([1], 2)]
    own = given[0]
    called(lambda given: given.__setitem__(0, deque([1], 3)), given)
    assert given[0].maxlen == 3
    assert own.maxlen == 2


def test_a_named_tuple_stays_one_when_its_fields_change() -> None:
    given = [Point(1, 2)]
    called(lambda given: given.__setitem__(0, (1, 3)), given)
    assert type(given[0]) is Point
    assert given == [Point(1, 3)]


def test_equal_values_of_other_types_take_their_place() -> None:
    given: list[Any] = [1, 0.0, {1}, {1: 2}]
    called(lambda given: given.__setitem__(slice(None), [True, -0.0, {True}, {True: 2.0}]), given)
    assert shape(given) == shape([True, -0.0, {True}, {True: 2.0}])


def test_a_factory_that_does_not_cross_is_kept_until_the_program_sets_another() -> None:
    given = defaultdict(lambda: 7, a=1)
    called(lambda given: given.update(b=2), given)
    assert given["c"] == 7
    called(lambda given: setattr(given, "default_factory", int), given)
    assert given["d"] == 0
    called(lambda given: setattr(given, "default_factory", None), given)
    with pytest.raises(KeyError):
        given["e"]


def test_a_buffer_that_the_test_looks_into_keeps_its_size() -> None:
    given = bytearray(b"abc")
    with memoryview(given):
        called(lambda given: given.clear(), given)
        assert given == b"abc"
        called(lambda given: given.reverse(), given)
        assert given == b"cba"
