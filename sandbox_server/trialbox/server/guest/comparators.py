"""Whether an answer is what was expected: the rules that a case names.

Both sides are plain values that came out of the value encoding, so Python's == runs nobody's code.
"""

import math

EQUAL, UNORDERED, EVALPLUS, EVALPLUS_SET, EVALPLUS_NOT_NONE, EVALPLUS_ROOT = range(1, 7)

_EVALPLUS_RELATIVE = 1e-07
_EVALPLUS_ABSOLUTE = 1e-6


def same(
    kind: int, expected: object, answer: object, relative: float, absolute: float, arguments: "tuple[object, ...]"
) -> bool:
    """Whether `answer` is right by the rule `kind`, with tolerances where they are not 0."""
    if kind == EQUAL:
        return close(expected, answer, relative, absolute)
    if kind == UNORDERED:
        return _unordered(expected, answer, relative, absolute)
    if kind == EVALPLUS_ROOT:
        return _is_root(answer, arguments, absolute)
    return _evalplus(kind, expected, answer, absolute)


def close(expected: object, answer: object, relative: float, absolute: float) -> bool:
    """Whether two values are equal but for floats within the tolerance; NaN is as expected as any other float."""
    if type(expected) is float and type(answer) in (int, float, bool):
        if math.isnan(expected):
            return math.isnan(answer)  # type: ignore[arg-type]
        if not (relative or absolute):
            return expected == answer
        try:
            return math.isclose(expected, float(answer), rel_tol=relative, abs_tol=absolute)  # type: ignore[arg-type]
        except OverflowError:
            return False
    if isinstance(expected, list | tuple) and isinstance(answer, list | tuple):
        return (
            type(expected) is type(answer)
            and len(expected) == len(answer)
            and all(close(a, b, relative, absolute) for a, b in zip(expected, answer, strict=True))
        )
    if type(expected) is dict and type(answer) is dict:
        return expected.keys() == answer.keys() and all(
            close(expected[key], answer[key], relative, absolute) for key in expected
        )
    return bool(expected == answer)


def _unordered(expected: object, answer: object, relative: float, absolute: float) -> bool:
    """Whether two sequences have the same items as often, in whatever order."""
    try:
        wanted, given = list(expected), list(answer)  # type: ignore[call-overload]
    except TypeError:
        return close(expected, answer, relative, absolute)
    if len(wanted) != len(given):
        return False
    try:
        if not (relative or absolute):
            counts: dict[object, int] = {}
            for item in wanted:
                counts[item] = counts.get(item, 0) + 1
            for item in given:
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


def _evalplus(kind: int, expected: object, answer: object, absolute: float) -> bool:
    """EvalPlus's rule: equal, or else of the same type and numpy.allclose (evalplus/eval, unsafe_execute)."""
    try:
        exact = bool(expected == answer)
        if kind == EVALPLUS_SET:
            exact = set(answer) == set(expected)  # type: ignore[call-overload]
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
    if isinstance(expected, complex) or isinstance(answer, complex):
        return abs(answer - expected) <= absolute + _EVALPLUS_RELATIVE * abs(expected)
    if math.isinf(expected) or math.isinf(answer):
        return expected == answer
    return abs(answer - expected) <= absolute + _EVALPLUS_RELATIVE * abs(expected)


def _is_root(answer: object, arguments: "tuple[object, ...]", absolute: float) -> bool:
    """Whether the answer is a zero of the polynomial whose coefficients are the first argument."""
    try:
        coefficients: list[float] = arguments[0]  # type: ignore[assignment]
        total = math.fsum(c * math.pow(answer, n) for n, c in enumerate(coefficients))  # type: ignore[arg-type]
        return abs(total) <= absolute
    except (TypeError, ValueError, OverflowError, IndexError):
        return False
