"""Whether an answer is what was expected: the rules that a case names.

Both sides are plain values that came out of the value encoding, so Python's == runs nobody's code.
"""

import math

EQUAL, UNORDERED, EVALPLUS, EVALPLUS_SET, EVALPLUS_NOT_NONE, EVALPLUS_ROOT = range(1, 7)

_EVALPLUS_RELATIVE = 1e-07
_EVALPLUS_ABSOLUTE = 1e-6
_NAN = object()


def same(
    kind: int, expected: object, answer: object, relative: float, absolute: float, arguments: "tuple[object, ...]"
) -> bool:
    """Whether `answer` is right by the rule `kind`, with tolerances where they are not 0."""
    try:
        if kind == EQUAL:
            return close(expected, answer, relative, absolute)
        if kind == UNORDERED:
            return _unordered(expected, answer, relative, absolute)
        if kind == EVALPLUS_ROOT:
            return _is_root(answer, arguments, absolute)
        return _evalplus(kind, expected, answer, absolute)
    except ArithmeticError:  # of a signaling NaN, which equals nothing
        return False


def close(expected: object, answer: object, relative: float, absolute: float) -> bool:
    """Whether two values are equal but for floats within the tolerance; NaN is as expected as any other float."""
    return bool(expected == answer) or _near(expected, answer, relative, absolute)


def _near(expected: object, answer: object, relative: float, absolute: float) -> bool:
    if type(expected) is float and type(answer) in (int, float, bool):
        if math.isnan(expected):
            return answer != answer
        if not (relative or absolute):
            return expected == answer
        try:
            return math.isclose(expected, float(answer), rel_tol=relative, abs_tol=absolute)  # type: ignore[arg-type]
        except OverflowError:
            return False
    if isinstance(expected, dict) and isinstance(answer, dict):
        # Only two of these care for order.
        keys = list if type(expected).__name__ == type(answer).__name__ == "OrderedDict" else dict.keys
        return bool(keys(expected) == keys(answer)) and all(
            _near(expected[key], answer[key], relative, absolute) for key in expected
        )
    for kind in (list, tuple):
        if isinstance(expected, kind) and isinstance(answer, kind):
            return len(expected) == len(answer) and all(
                _near(a, b, relative, absolute) for a, b in zip(expected, answer, strict=True)
            )
    if type(expected).__name__ == type(answer).__name__ == "deque":
        return _near(list(expected), list(answer), relative, absolute)  # type: ignore[call-overload]
    return bool(expected == answer)


def _unordered(expected: object, answer: object, relative: float, absolute: float) -> bool:
    """Whether two collections have the same items as often, in whatever order."""
    # What these are made of is not all that they are.
    if isinstance(expected, str | bytes | bytearray | dict) or isinstance(answer, str | bytes | bytearray | dict):
        return close(expected, answer, relative, absolute)
    try:
        if len(expected) != len(answer):  # type: ignore[arg-type]  # a range takes no memory, all that is in it does
            return False
        wanted, given = list(expected), list(answer)  # type: ignore[call-overload]
    except TypeError:
        return close(expected, answer, relative, absolute)
    try:
        if not (relative or absolute):
            counts: dict[object, int] = {}
            for item in map(_key, wanted):
                counts[item] = counts.get(item, 0) + 1
            for item in map(_key, given):
                counts[item] = counts.get(item, 0) - 1
            return not any(counts.values())
    except TypeError:  # unhashable
        pass
    for item in wanted:
        for place, candidate in enumerate(given):
            if close(item, candidate, relative, absolute):
                del given[place]
                break
        else:
            return False
    return True


def _key(item: object) -> object:
    """What all items that are close without a tolerance have in common."""
    if type(item) is tuple:
        return tuple(map(_key, item))
    return _NAN if isinstance(item, float) and math.isnan(item) else item


def _evalplus(kind: int, expected: object, answer: object, absolute: float) -> bool:
    """EvalPlus's rule: equal, or else of the same type and numpy.allclose (evalplus/eval, unsafe_execute)."""
    try:
        exact = bool(expected == answer)
        if kind == EVALPLUS_SET:
            wanted = set(expected)  # type: ignore[call-overload]
            # A range takes no memory, all that is in it does.
            exact = not (type(answer) is range and len(answer) > len(wanted)) and set(answer) == wanted  # type: ignore[call-overload]
        elif kind == EVALPLUS_NOT_NONE:
            exact = answer == expected if isinstance(answer, bool) else expected == (answer is not None)
        if exact:
            return True
        if not absolute and _is_floats(expected):
            absolute = _EVALPLUS_ABSOLUTE
        if not absolute or type(answer) is not type(expected):
            return False
        if isinstance(expected, list | tuple) and len(expected) != len(answer):  # type: ignore[arg-type]
            return False
        return _all_close(expected, answer, absolute)
    except (TypeError, ValueError, OverflowError):
        return False


def _is_floats(value: object) -> bool:
    if isinstance(value, float):
        return True
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, float) for item in value)


def _all_close(expected: object, answer: object, absolute: float) -> bool:
    """numpy.allclose(answer, expected) of numbers and rectangular lists of them."""
    if isinstance(expected, list | tuple):
        if not isinstance(answer, list | tuple) or len(expected) != len(answer):
            return False
        return all(_all_close(a, b, absolute) for a, b in zip(expected, answer, strict=True))
    if not isinstance(expected, int | float | complex) or not isinstance(answer, int | float | complex):
        raise TypeError("no number")
    if expected == answer:
        return True
    return math.isfinite(abs(expected)) and abs(answer - expected) <= absolute + _EVALPLUS_RELATIVE * abs(expected)


def _is_root(answer: object, arguments: "tuple[object, ...]", absolute: float) -> bool:
    """Whether the answer is a zero of the polynomial whose coefficients are the first argument."""
    try:
        coefficients: list[float] = arguments[0]  # type: ignore[assignment]
        total = math.fsum(c * math.pow(answer, n) for n, c in enumerate(coefficients))  # type: ignore[arg-type]
        return abs(total) <= absolute
    except (TypeError, ValueError, OverflowError, IndexError):
        return False
