"""Traces: what the analysis of test code (trust.py) keeps of values, and the scopes where it keeps them.

A value has a set of traces: of what may be in there that is the program's or can't cross. Plain data has
none, containers have those of their parts, a name has those of all that was ever assigned to it.
"""

import _ast  # all of `ast` that is needed; the rest takes long to import

if False:  # for the type checker only: importing collections.abc costs milliseconds
    from collections.abc import Iterable, Sequence

    Traces = frozenset["Trace"]

# The kinds of traces.
STUB = "stub"
"""A name of the program's."""
RESULT = "result"
"""What a call of the named one returned."""
HELD_STUB = "held stub"
"""A container of the test's that holds one, or what was taken out again."""
HELD_RESULT = "held result"
TYPE = "type"
"""The type of what a call of the named one returned."""
KNOWN = "known"
"""Of Python or its library."""
FUNCTION = "function"
"""A function or lambda of the test's."""
ITERATOR = "iterator"
"""An iterator of the test's, described by the name."""
ERROR = "error"
"""A caught exception."""
OWN = "own"
"""A class of the test's, an instance of it, or anything of these."""
UNKNOWN = "unknown"
"""Anything else, described by the name."""

PLAIN: "Traces" = frozenset()
RESULTS = (RESULT, HELD_RESULT)
OF_PROGRAM = (STUB, HELD_STUB, *RESULTS)

_HELD = {STUB: HELD_STUB, RESULT: HELD_RESULT}
_single: "dict[tuple[str, str], Traces]" = {}


class NeedsLiveObjects(Exception):
    """The test can't stand apart from its program; says why."""


class Trace:
    """A kind and a name; `only` gives the one there is of both."""

    __slots__ = ("kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name

    def __str__(self) -> str:
        """What it is, for people."""
        if self.kind in RESULTS:
            return f"what {self.name} returned"
        if self.kind is TYPE:
            return f"the type of what {self.name} returned"
        if self.kind is KNOWN and self.name.endswith("()"):
            return f"what {self.name.removesuffix('()')} returned"
        if self.kind is OWN:
            return f"{self.name} of the test's own"
        return self.name


class Function(Trace):
    """The trace of a function or lambda of the test's."""

    __slots__ = ("_bound", "defaults", "node", "scope")

    def __init__(self, node: "_ast.FunctionDef | _ast.Lambda", scope: "Scope", defaults: "Traces") -> None:
        super().__init__(FUNCTION, node.name if isinstance(node, _ast.FunctionDef) else "a lambda")
        self.node = node
        self.scope = scope
        self.defaults = defaults
        self._bound: set[str] | None = None

    def binds(self, name: str) -> bool:
        """Whether the name is local, as Python decides it: by what the whole body assigns to."""
        if self._bound is None:
            self._bound = _bound_names(self.node.body) if isinstance(self.node, _ast.FunctionDef) else set()
        return name in self._bound


class Scope:
    """Names and the traces of their values."""

    __slots__ = ("function", "is_class", "is_comprehension", "names", "outer", "parent", "unbound")

    def __init__(
        self,
        parent: "Scope | None" = None,
        *,
        function: Function | None = None,
        is_class: bool = False,
        is_comprehension: bool = False,
    ) -> None:
        self.parent = parent
        self.function = function
        self.is_class = is_class
        self.is_comprehension = is_comprehension
        self.names: dict[str, Traces] = {}
        self.outer: dict[str, Scope] = {}
        """Where the names live that are declared global or nonlocal."""
        self.unbound: set[str] = set()
        """Names that were asked for here while they weren't bound here."""

    def of_functions(self) -> "Scope":
        """Where functions defined here look for names: what a class binds they don't see."""
        return self.parent if self.is_class and self.parent is not None else self


class Arguments:
    """The traces of a call's arguments."""

    __slots__ = ("named", "positional", "spread")

    def __init__(
        self,
        positional: "Sequence[Traces]" = (),
        named: "dict[str, Traces] | None" = None,
        spread: "Traces" = PLAIN,
    ) -> None:
        self.positional = positional
        self.named = named or {}
        self.spread = spread
        """Of those that may arrive at any parameter without one."""

    def all(self) -> "Traces":
        """The traces of all arguments together."""
        return self.spread.union(*self.positional, *self.named.values())

    def bind(self, function: Function) -> "dict[str, Traces]":
        """The function's parameters with the traces of their values."""
        parameters = function.node.args
        missing = self.spread | function.defaults
        names = {parameter.arg: missing for parameter in (*parameters.posonlyargs, *parameters.args)}
        surplus = self.positional[len(names) :]
        names.update(zip(names, self.positional, strict=False))
        names |= {parameter.arg: missing for parameter in parameters.kwonlyargs}
        unknown = [value for name, value in self.named.items() if name not in names]
        names |= {name: value for name, value in self.named.items() if name in names}
        if parameters.vararg:
            names[parameters.vararg.arg] = held(self.spread.union(*surplus))
        if parameters.kwarg:
            names[parameters.kwarg.arg] = held(self.spread.union(*unknown))
        return names


def only(kind: str, name: str) -> "Traces":
    """The set of this one trace."""
    key = (kind, name)
    found = _single.get(key)
    if found is None:
        found = _single[key] = frozenset((Trace(kind, name),))
    return found


def forget() -> None:
    """Let go of all traces; nothing may be under analysis."""
    _single.clear()


def held(value: "Traces") -> "Traces":
    """The traces of a container that holds this."""
    if not any(trace.kind in _HELD for trace in value):
        return value
    return PLAIN.union(*(only(_HELD[trace.kind], trace.name) if trace.kind in _HELD else (trace,) for trace in value))


def items(value: "Traces") -> "Traces":
    """The traces of what comes out when this is iterated over."""
    return frozenset(trace for trace in value if trace.kind is not ITERATOR) if value else value


def results(value: "Traces") -> "list[Trace]":
    """The traces of what the program returned."""
    return [trace for trace in value if trace.kind in RESULTS]


def may_be_class(name: str) -> bool:
    """Whether what this name of the program's returns may be an object of its own."""
    return name.lstrip("_")[:1].isupper()


def _bound_names(body: "Iterable[_ast.stmt]") -> set[str]:
    names: set[str] = set()
    declared_outer: set[str] = set()
    pending: list[_ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, _ast.FunctionDef | _ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, _ast.Name):
            names.add(node.id)
        elif isinstance(node, _ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, _ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, _ast.Global | _ast.Nonlocal):
            declared_outer.update(node.names)
        for field in node._fields:
            below = getattr(node, field)
            for child in below if isinstance(below, list) else (below,):
                # Of expressions, those that are assigned to. (The names of := are known when it is gone through.)
                is_read = isinstance(child, _ast.expr) and not isinstance(getattr(child, "ctx", None), _ast.Store)
                if isinstance(child, _ast.AST) and not is_read:
                    pending.append(child)
    return names - declared_outer
