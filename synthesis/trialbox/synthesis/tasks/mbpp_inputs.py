"""How the inputs of MBPP+ tasks become arguments: JSON has no tuples, sets or complex numbers, so the format has rules.

The rules go by a task's number; a task without one takes its inputs as JSON gives them.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

_Convert = Callable[[Any], Any]


def mbpp_arguments(number: int, values: Sequence[Any]) -> tuple[Any, ...]:
    """Turn one input of the MBPP+ task `number` into the arguments that it stands for.

    Raises TypeError, ValueError or AttributeError when it doesn't look as that task's inputs do.
    """
    convert = _RULES.get(number, tuple)
    return tuple(convert(values))


def _tuples_within(value: Any) -> Any:
    return tuple(map(_tuples_within, value)) if isinstance(value, list) else value


def _tuple_from_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _list_of(convert: _Convert) -> _Convert:
    return lambda values: [convert(value) for value in values]


def _tuple_of(convert: _Convert) -> _Convert:
    return lambda values: tuple(convert(value) for value in values)


def _dict_of(convert: _Convert) -> _Convert:
    return lambda mapping: {key: convert(value) for key, value in mapping.items()}


def _set_or_empty_dict(value: Any) -> Any:
    # The task tells empty dicts from what isn't empty: its braces with something in them are sets.
    return set(value) if value else {}


def _as_it_is(value: Any) -> Any:
    return value


def _each(convert: _Convert) -> _Convert:
    """Every argument by the same rule."""
    return _tuple_of(convert)


def _first(*converts: _Convert) -> _Convert:
    """The first arguments by a rule each, those after them as they are."""

    def convert_first(values: Sequence[Any]) -> list[Any]:
        if len(values) < len(converts):
            raise ValueError(f"there are fewer than {len(converts)} arguments")
        return [convert(value) for convert, value in zip_longest(converts, values, fillvalue=_as_it_is)]

    return convert_first


_GROUPS: list[tuple[_Convert, tuple[int, ...]]] = [
    (
        _each(tuple),
        (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809),
    ),
    (_each(_list_of(tuple)), (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)),
    (_each(_tuple_of(tuple)), (259, 401, 445)),
    (_each(_tuple_of(_tuple_from_list)), (278,)),
    (_each(_tuples_within), (580, 615, 791)),
    (_each(complex), (252,)),
    (_each(_list_of(_set_or_empty_dict)), (115,)),
    (_first(tuple), (250, 307, 405, 446, 617, 720, 763, 808)),
    (_first(_list_of(tuple)), (75, 413, 444, 753)),
    (_first(_dict_of(tuple)), (722,)),
    (_first(_as_it_is, tuple), (106, 750)),
    (_first(float, complex), (124,)),
]
_RULES = {number: convert for convert, numbers in _GROUPS for number in numbers}
