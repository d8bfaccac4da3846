"""What the analysis of test code (trust.py) knows of Python's own names, its library and plain data.

What a list says of a module or class holds for all in it that isn't listed apart; what a call returns
is spelled `random.Random()`. What isn't listed is thought to need live objects: a list too short makes
a verdict SHARED, never wrong.
"""

import builtins

DATA = "data"
"""Returns plain data, which may hold what the arguments hold."""
SCALAR = "scalar"
"""Returns plain data that holds nothing of the arguments."""
ITERATING = "iterating"
"""Returns an iterator over the arguments."""
OBJECT = "object"
"""Returns an object that can't cross."""
LIVE = "live"
"""Like OBJECT, and asks of its arguments what plain data can't answer."""
FORBIDDEN = "forbidden"
"""Reaches for what only the program's process has, or what a program would have to share with its test."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BUILTINS = {
    DATA: "bytearray bytes dict frozenset list max min next set sorted sum tuple",
    SCALAR: """
        abs all any ascii bin bool chr complex divmod float format hash hex int isinstance issubclass len oct ord
        pow print range repr round str
        """,
    ITERATING: "enumerate filter iter map reversed zip",
    OBJECT: "slice type",
    FORBIDDEN: """
        __import__ breakpoint compile eval exec exit globals input locals open quit vars
        BaseExceptionGroup ExceptionGroup GeneratorExit KeyboardInterrupt SystemExit
        UnicodeDecodeError UnicodeEncodeError UnicodeTranslateError
        """,
}
_LIBRARY = {
    DATA: """
        bisect collections.Counter collections.OrderedDict collections.defaultdict collections.deque copy
        datetime decimal fractions functools.cache functools.lru_cache functools.partial functools.reduce
        heapq json operator random
        """,
    SCALAR: """
        ast.literal_eval base64 binascii calendar cmath html math numpy.allclose numpy.isclose
        pprint re.escape re.findall re.split re.sub statistics string textwrap time unicodedata
        """,
    ITERATING: "itertools",
    OBJECT: """
        hashlib numbers operator.attrgetter operator.itemgetter operator.methodcaller pytest
        random.Random random.SystemRandom re string.Formatter string.Template unittest
        """,
    LIVE: """
        __future__ abc ast collections contextlib dataclasses enum functools itertools.islice itertools.takewhile
        json.JSONDecoder json.JSONEncoder numpy types typing
        """,
    FORBIDDEN: """
        contextlib.chdir contextlib.redirect_stderr contextlib.redirect_stdout
        decimal.getcontext decimal.localcontext decimal.setcontext numpy.random random.getstate
        random.seed random.setstate sys unittest.mock
        """,
}

_BUILTIN_KINDS = {
    name: OBJECT if isinstance(value, type) and issubclass(value, BaseException) else LIVE
    for name, value in vars(builtins).items()
    if not name.startswith("_")
} | {name: kind for kind, names in _BUILTINS.items() for name in _names(names)}
_KINDS = _BUILTIN_KINDS | {name: kind for kind, names in _LIBRARY.items() for name in _names(names)}

BUILTINS = frozenset(_BUILTIN_KINDS)
MODULES = frozenset(name.partition(".")[0] for names in _LIBRARY.values() for name in _names(names))
"""The modules a test may import and stand apart."""

CONSTANTS = _names(
    """
    cmath.e cmath.inf cmath.nan cmath.pi math.e math.inf math.nan math.pi math.tau
    numpy.e numpy.inf numpy.nan numpy.pi
    string.ascii_letters string.ascii_lowercase string.ascii_uppercase string.digits string.hexdigits
    string.octdigits string.printable string.punctuation string.whitespace
    sys.byteorder sys.maxsize sys.maxunicode sys.platform sys.version
    """
)
"""Plain data that modules hold."""

ENDS = _names("StopAsyncIteration StopIteration")
"""Exceptions of Python's own that don't cross by their name: to a loop they would say that there is no more."""

CALLERS: dict[str, int | None] = {
    **dict.fromkeys(("max", "min", "sorted"), None),
    **dict.fromkeys(("filter", "functools.partial", "functools.reduce", "itertools.dropwhile"), 0),
    **dict.fromkeys(("itertools.filterfalse", "itertools.starmap", "itertools.takewhile", "map"), 0),
    **dict.fromkeys(("itertools.accumulate", "itertools.groupby"), 1),
}
"""What calls a function that it's given, with parts of its other arguments: the place of that function, which may
as well be named `key` or `func`."""

MAPPERS = _names("itertools.starmap map")
"""Those of them that give what the function returned"""
REDUCERS = _names("functools.reduce itertools.accumulate")
"""and those that give that or a part of the others."""

USED_ON_DATA = _names("abs math.isclose max min round set sorted sum")
"""Are rarely used on anything but numbers, text and containers."""


def kind(name: str) -> str:
    """What calling a name of BUILTINS or MODULES, or what belongs to one, does."""
    while name and name not in _KINDS:
        name = name.rpartition(".")[0]
    return _KINDS.get(name, LIVE)


def is_plain_type(name: str) -> bool:
    """Whether plain data may be of a type with this name; `type()` is that of something in the test."""
    return name == "type()" or name.startswith("numbers.") or kind(name) in (DATA, SCALAR)


def _public(*types: type) -> tuple[set[str], set[str]]:
    """The names of the types' methods, and of their other attributes."""
    methods: set[str] = set()
    others: set[str] = set()
    for owner in types:
        for name in dir(owner):
            if not name.startswith("_"):
                (methods if callable(getattr(owner, name)) else others).add(name)
    return methods, others


_METHODS, _OTHERS = _public(bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range)

OF_TEXT = frozenset(_public(str, bytes)[0] - _public(list, tuple, dict, set)[0])
"""The methods of text that containers don't have: what they return holds nothing but text."""

CHANGING = _names(
    """
    add append appendleft clear difference_update discard extend extendleft insert intersection_update move_to_end
    pop popitem popleft remove rotate setdefault subtract symmetric_difference_update update
    """
)
"""The methods of plain data that change it and do more than put it in order."""

VIEWS = _names("items keys values")
"""The methods of dicts whose results can't cross."""

_extended = False


def has_attribute(name: str, called: bool) -> bool:
    """Whether plain data of any type has such a method or, if not called, such an attribute."""
    global _extended
    if not _extended and name not in (_METHODS if called else _OTHERS):
        _extended = True
        _extend()
    return name in (_METHODS if called else _OTHERS)


def _extend() -> None:
    # These modules take long to import, and hardly a test asks for what their types have.
    import collections
    import datetime
    import decimal
    import fractions

    methods, others = _public(
        *(collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, fractions.Fraction),
    )
    _METHODS.update(methods)
    _OTHERS.update(others)
