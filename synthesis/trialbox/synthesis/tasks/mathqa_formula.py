"""What MathQA writes as `linear_formula`, read and computed: `add(n0,const_1)|divide(#0,n1)`.

Nothing of the data is evaluated as code: names are looked up in the table below, numbers are parsed. What an operation
does is what the published recipe of MathQA-Python has it do, bounds included; trigonometry counts in radians.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"[-+]?\.?\d+(?:,\d{3})*\.?\d*(?:[eE][-+]?\d+)?")
_CALL = re.compile(r"(\w+)\(([^()]*)\)")
_CONSTANTS = {"const_pi": ("math.pi", math.pi), "const_deg_to_rad": ("math.pi / 180", math.pi / 180)}
# No question counts further, and factorials take long to compute beyond it.
_MOST_TO_COUNT = 10_000
# No formula has more steps, and Python reads no number of thousands of digits.
_MOST_DIGITS = 9


class FormulaError(ValueError):
    """A formula can't be read, or has no finite value."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A formula as a program, and the number that it comes to."""

    source: str
    value: float


def numbers(text: str) -> list[float]:
    """The numbers of a text in order, as the recipe finds them: `4,000` is one, `1 / 2` are two, words are none."""
    return [_value(match[0]) for match in _NUMBER.finditer(text)]


def first_fraction(text: str) -> float | None:
    """The first number of an option; `31 / 36` counts as what it comes to, and of `13 1 / 2` the 13 alone."""
    match = _NUMBER.search(text)
    if match is None:
        return None
    value = _value(match[0])
    if text.startswith(" / ", match.end()):
        below = _NUMBER.match(text, match.end() + len(" / "))
        if below is not None and (divisor := _value(below[0])):
            return value / divisor
    return value


def solve(formula: str, given: Sequence[float]) -> Solution:
    """Make a program of a formula over the numbers n0, n1, … and compute what it assigns to `answer`.

    The program needs nothing but Python and `math`. Raises FormulaError.
    """
    # A program can't hold them: Python has no name for them.
    if not all(map(math.isfinite, given)):
        raise FormulaError("a number is too large")
    calls = formula.removesuffix("|").split("|")
    lines = [f"n{position} = {value}" for position, value in enumerate(given)]
    results: list[float] = []
    for position, call in enumerate(calls):
        expression, value = _compute(call.strip(), given, results)
        name = "answer" if position == len(calls) - 1 else f"t{position}"
        lines.append(f"{name} = {expression}")
        results.append(value)
    if any("math." in line for line in lines):
        lines.insert(0, "import math")
    return Solution("\n".join(lines), results[-1])


def _compute(call: str, given: Sequence[float], results: Sequence[float]) -> tuple[str, float]:
    match = _CALL.fullmatch(call)
    if match is None or match[1] not in OPERATIONS:
        raise FormulaError(f"{call!r} is no known operation")
    arity, template, compute = OPERATIONS[match[1]]
    names = [name.strip() for name in match[2].split(",")]
    if len(names) != arity:
        raise FormulaError(f"{call!r} must have {arity} arguments")
    arguments = [_argument(name, given, results) for name in names]
    try:
        value = compute(*(value for _, value in arguments))
        # Of whole numbers that no float can hold, this raises.
        is_finite = not isinstance(value, complex) and math.isfinite(value)
    except (ArithmeticError, ValueError) as error:
        raise FormulaError(f"{call!r} has no value: {error}") from error
    if not is_finite:
        raise FormulaError(f"{call!r} has no finite value")
    return template.format(*(text for text, _ in arguments)), value


def _argument(name: str, given: Sequence[float], results: Sequence[float]) -> tuple[str, float]:
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    for prefix, letter, values in (("n", "n", given), ("#", "t", results)):
        index = name.removeprefix(prefix)
        if index != name and index.isdecimal() and len(index) <= _MOST_DIGITS:
            if int(index) >= len(values):
                raise FormulaError(f"there is no {name}")
            return f"{letter}{int(index)}", values[int(index)]
    # The decimal point of a constant is written as an underscore: const_0_25.
    constant = re.fullmatch(r"const_(\d+)(?:[._](\d+))?", name)
    if constant is None:
        raise FormulaError(f"{name!r} is no number")
    value = float(f"{constant[1]}.{constant[2] or 0}")
    return str(value), value


def _value(text: str) -> float:
    return float(text.replace(",", ""))


def _counted(number: float) -> int:
    if abs(number) > _MOST_TO_COUNT:
        raise ValueError(f"{number} is too much to count with")
    return int(number)


def _triangle(a: float, b: float, c: float) -> float:
    half = (a + b + c) / 2
    return math.sqrt(max(0, half * (half - a) * (half - b) * (half - c)))


_Compute = Callable[..., float]
OPERATIONS: dict[str, tuple[int, str, _Compute]] = {
    # Arithmetic.
    "add": (2, "{0} + {1}", lambda a, b: a + b),
    "subtract": (2, "{0} - {1}", lambda a, b: a - b),
    "multiply": (2, "{0} * {1}", lambda a, b: a * b),
    "divide": (2, "{0} / {1}", lambda a, b: a / b),
    "speed": (2, "{0} / {1}", lambda a, b: a / b),
    "inverse": (1, "1 / {0}", lambda a: 1 / a),
    "negate": (1, "-{0}", lambda a: -a),
    "floor": (1, "math.floor({0})", lambda a: math.floor(a)),
    "max": (2, "max({0}, {1})", lambda a, b: max(a, b)),
    "power": (2, "{0} ** min({1}, 5)", lambda a, b: a ** min(b, 5)),
    "sqrt": (1, "math.sqrt(max(0, {0}))", lambda a: math.sqrt(max(0, a))),
    "log": (1, "math.log(max(1e-5, {0}), 2)", lambda a: math.log(max(1e-5, a), 2)),
    "reminder": (2, "{0} % {1}", lambda a, b: a % b),
    "gcd": (2, "math.gcd(int({0}), int({1}))", lambda a, b: math.gcd(int(a), int(b))),
    "lcm": (2, "math.lcm(int({0}), int({1}))", lambda a, b: math.lcm(int(a), int(b))),
    "sine": (1, "math.sin({0})", lambda a: math.sin(a)),
    "cosine": (1, "math.cos({0})", lambda a: math.cos(a)),
    # Counting and chance.
    "factorial": (1, "math.factorial(min(15, int({0})))", lambda a: math.factorial(min(15, int(a)))),
    "choose": (2, "math.comb(int({0}), int({1}))", lambda a, b: math.comb(_counted(a), _counted(b))),
    "permutation": (
        2,
        "math.perm(int(max({0}, {1})), int(min({0}, {1})))",
        lambda a, b: math.perm(_counted(max(a, b)), _counted(min(a, b))),
    ),
    "count_interval": (2, "{0} - {1} + 1", lambda a, b: a - b + 1),
    "union_prob": (3, "{0} + {1} - {2}", lambda a, b, c: a + b - c),
    "negate_prob": (1, "1 - {0}", lambda a: 1 - a),
    # Percent, prices, work, streams.
    "percent": (2, "{0} / 100 * {1}", lambda a, b: a / 100 * b),
    "from_percent": (1, "{0} / 100", lambda a: a / 100),
    "gain_percent": (1, "100 + {0}", lambda a: 100 + a),
    "loss_percent": (1, "100 - {0}", lambda a: 100 - a),
    "negate_percent": (1, "100 - {0}", lambda a: 100 - a),
    "price_after_gain": (2, "(1 + {0} / 100) * {1}", lambda a, b: (1 + a / 100) * b),
    "p_after_gain": (2, "(1 + {0} / 100) * {1}", lambda a, b: (1 + a / 100) * b),
    "price_after_loss": (2, "(1 - {0} / 100) * {1}", lambda a, b: (1 - a / 100) * b),
    "original_price_before_gain": (2, "{1} * 100 / (100 + {0})", lambda a, b: b * 100 / (100 + a)),
    "original_price_before_loss": (2, "{1} * 100 / (100 + 1e-5 - {0})", lambda a, b: b * 100 / (100 + 1e-5 - a)),
    "combined_work": (
        2,
        "1 / (min({0}, 1 / {0}) + min({1}, 1 / {1}))",
        lambda a, b: 1 / (min(a, 1 / a) + min(b, 1 / b)),
    ),
    "find_work": (
        2,
        "1 / abs(min({0}, 1 / {0}) - min({1}, 1 / {1}))",
        lambda a, b: 1 / abs(min(a, 1 / a) - min(b, 1 / b)),
    ),
    "stream_speed": (2, "({0} - {1}) / 2", lambda a, b: (a - b) / 2),
    "speed_in_still_water": (2, "({0} + {1}) / 2", lambda a, b: (a + b) / 2),
    "speed_ratio_steel_to_stream": (2, "({0} + {1}) / ({0} - {1})", lambda a, b: (a + b) / (a - b)),
    # Flat figures.
    "square_area": (1, "{0} ** 2", lambda a: a**2),
    "square_perimeter": (1, "4 * {0}", lambda a: 4 * a),
    "square_edge_by_area": (1, "math.sqrt({0})", lambda a: math.sqrt(a)),
    "square_edge_by_perimeter": (1, "{0} / 4", lambda a: a / 4),
    "rectangle_area": (2, "{0} * {1}", lambda a, b: a * b),
    "rectangle_perimeter": (2, "2 * ({0} + {1})", lambda a, b: 2 * (a + b)),
    "rhombus_area": (2, "{0} * {1} / 2", lambda a, b: a * b / 2),
    "rhombus_perimeter": (1, "4 * {0}", lambda a: 4 * a),
    "quadrilateral_area": (3, "{0} * ({1} + {2}) / 2", lambda a, b, c: a * (b + c) / 2),
    "trapezium_area": (3, "{0} * ({1} + {2}) / 2", lambda a, b, c: a * (b + c) / 2),
    "triangle_area": (2, "{0} * {1} / 2", lambda a, b: a * b / 2),
    "triangle_perimeter": (3, "{0} + {1} + {2}", lambda a, b, c: a + b + c),
    "triangle_area_three_edges": (
        3,
        "(lambda s: math.sqrt(max(0, s * (s - {0}) * (s - {1}) * (s - {2}))))(({0} + {1} + {2}) / 2)",
        _triangle,
    ),
    "diagonal": (2, "math.sqrt({0} ** 2 + {1} ** 2)", lambda a, b: math.sqrt(a**2 + b**2)),
    "circle_area": (1, "math.pi * {0} ** 2", lambda a: math.pi * a**2),
    "circumface": (1, "2 * math.pi * {0}", lambda a: 2 * math.pi * a),
    "circle_arc": (2, "{0} / 360 * math.pi * 2 * {1}", lambda a, b: a / 360 * math.pi * 2 * b),
    "circle_sector_area": (2, "{1} / 360 * math.pi * {0} ** 2", lambda a, b: b / 360 * math.pi * a**2),
    "semi_circle_perimiter": (1, "math.pi * {0} + 2 * {0}", lambda a: math.pi * a + 2 * a),
    # Solids.
    "volume_cube": (1, "{0} ** 3", lambda a: a**3),
    "surface_cube": (1, "6 * {0} ** 2", lambda a: 6 * a**2),
    "cube_edge_by_volume": (1, "{0} ** (1 / 3)", lambda a: a ** (1 / 3)),
    "volume_rectangular_prism": (3, "{0} * {1} * {2}", lambda a, b, c: a * b * c),
    "surface_rectangular_prism": (
        3,
        "2 * ({0} * {1} + {0} * {2} + {1} * {2})",
        lambda a, b, c: 2 * (a * b + a * c + b * c),
    ),
    "volume_cylinder": (2, "math.pi * {0} ** 2 * {1}", lambda a, b: math.pi * a**2 * b),
    "volume_cone": (2, "math.pi * {0} ** 2 * {1} / 3", lambda a, b: math.pi * a**2 * b / 3),
    "volume_sphere": (1, "4 / 3 * math.pi * {0} ** 3", lambda a: 4 / 3 * math.pi * a**3),
    "surface_sphere": (1, "4 * math.pi * {0} ** 2", lambda a: 4 * math.pi * a**2),
}
"""Each operation's number of arguments, its text in a program, and the same as a function.

These are the operations that the published recipe knows. MathQA has more, `min` and `surface_cylinder` among them:
their questions don't convert there either.
"""
