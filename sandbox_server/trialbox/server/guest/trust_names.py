"""The names in test code and what they may hold, while the analysis (trust.py) goes through it."""

import _ast

import trust_known
from trust_traces import KNOWN, PLAIN, STUB, NeedsLiveObjects, Scope, held, only

if False:  # for the type checker only
    from collections.abc import Callable

    from trust_traces import Traces

MAXIMUM_STATEMENTS = 50_000
"""How many may be gone through, those of functions and loops as often as it takes."""


def needs_live_objects(node: _ast.AST, reason: str) -> NeedsLiveObjects:
    """The exception that says what of this node does."""
    return NeedsLiveObjects(f"{reason} (line {getattr(node, 'lineno', 1)})")


class Names:
    """The scopes at one place of the code."""

    def __init__(self, module: Scope, of_program: frozenset[str] = frozenset()) -> None:
        self.stubs: set[str] = set()
        """The names taken to be the program's."""
        self.builtins: set[str] = set()
        """Python's own that were used."""
        self.scope = module
        self._of_program = of_program
        """The program's though Python has them too."""
        self.growth = 0
        """How often a name got new traces after it was looked up."""
        self._statements = 0

    def load(self, name: str, node: _ast.AST) -> "Traces":
        """What the name may hold; one that nobody has bound is the program's, or Python's."""
        scope = self.scope
        while True:
            value = scope.names.get(name)
            if value is not None:
                return value
            if scope.function is not None and scope.function.binds(name):
                scope.unbound.add(name)
                return PLAIN
            if scope.parent is None:
                break
            scope = scope.parent
        if name not in self._of_program:
            if name in trust_known.BUILTINS:
                if trust_known.kind(name) is trust_known.FORBIDDEN:
                    raise needs_live_objects(node, f"uses {name}")
                self.builtins.add(name)
                return only(KNOWN, name)
            if name in ("__name__", "__debug__"):
                return PLAIN
        scope.unbound.add(name)
        self.stubs.add(name)
        return only(STUB, name)

    def bind(self, name: str, value: "Traces", node: _ast.AST) -> None:
        """Assign to a name: it may hold this too from now on."""
        scope = self.scope.outer.get(name, self.scope)
        before = scope.names.get(name)
        if before is None:
            if name in scope.unbound:
                if scope.function is None:
                    raise needs_live_objects(node, f"gives {name} a meaning after using it")
                self.growth += 1
            scope.names[name] = value
        elif not value <= before:
            scope.names[name] = before | value
            self.growth += 1

    def bind_outside_comprehensions(self, name: str, value: "Traces", node: _ast.AST) -> None:
        """Assign as := does."""
        inside = self.scope
        while self.scope.is_comprehension and self.scope.parent is not None:
            self.scope = self.scope.parent
        self.bind(name, value, node)
        self.scope = inside

    def declare_outer(self, name: str, is_global: bool) -> None:
        """What is assigned to this name here belongs to an outer scope."""
        scope = self.scope
        while scope.parent is not None and (is_global or scope is self.scope or name not in scope.names):
            scope = scope.parent
        self.scope.outer[name] = scope

    def put_into(self, container: _ast.expr, value: "Traces") -> None:
        """The container holds this too from now on, if it can be told what holds the container."""
        if not value:
            return
        while not isinstance(container, _ast.Name):
            if isinstance(container, _ast.Attribute | _ast.Subscript):
                container = container.value
            elif isinstance(container, _ast.Call):
                container = container.func
            else:
                return
        scope: Scope | None = self.scope
        while scope is not None and container.id not in scope.names:
            scope = scope.parent
        if scope is not None and not held(value) <= scope.names[container.id]:
            scope.names[container.id] |= held(value)
            self.growth += 1

    def repeat(self, run: "Callable[[], None]") -> None:
        """Go through a loop until names hold nothing new at its beginning."""
        growth = None
        while growth != self.growth:
            growth = self.growth
            run()

    def count(self, statements: int) -> None:
        """Bound the time the analysis takes."""
        self._statements += statements
        if self._statements > MAXIMUM_STATEMENTS:
            raise NeedsLiveObjects("takes too long to be analysed")
