"""Decides from test code alone whether a test can stand apart from its program.

A case is SEPARATED where all it does with the program's names is to call them with plain data: calls and
data can go over a socket, and the test sees a stub for each name. It must be SHARED, test and program in one
process, where live objects would have to go. The program is never looked at. In doubt the answer is SHARED:
that weakens trust, while a wrong SEPARATED fails an honest program.

The code is gone through in the order in which it would run: statements here, expressions, calls and names in
modules of their own, each on top of the next. trust_traces.py says what is kept of a value.
"""

import _ast

import trust_known
from trust_expressions import Expressions
from trust_names import needs_live_objects
from trust_traces import ERROR, KNOWN, OWN, PLAIN, UNKNOWN, Arguments, NeedsLiveObjects, Scope, only

if False:  # for the type checker only
    from collections.abc import Callable, Sequence
    from typing import Any

    from trust_traces import Traces


class Analysis:
    """What is known of one case."""

    __slots__ = ("shared_reason", "stubs", "tree")

    def __init__(self, stubs: frozenset[str], shared_reason: str, tree: _ast.Module | None = None) -> None:
        self.stubs = stubs
        """The names that are to call the program's functions, those that the set-up needs among them."""
        self.shared_reason = shared_reason
        """What needs live objects, and where; empty if nothing does: the case is SEPARATED."""
        self.tree = tree
        """The code of a case that is SEPARATED; None if it doesn't compile."""


class Planner:
    """Decides about the cases of one suite."""

    def __init__(self, setup: bytes) -> None:
        """Look at the code that runs once, in the namespace of which each case gets a copy."""
        self._scope = Scope()
        self._setup = _Statements(self._scope).analyse(setup)
        self.setup_reason = self._setup.shared_reason and f"the set-up {self._setup.shared_reason}"
        """Why all cases are SHARED; empty if only each case's own code decides."""

    @property
    def setup_stubs(self) -> frozenset[str]:
        """The names that call the program's functions in the set-up, and in its functions that cases call.

        Complete when all cases have been looked at.
        """
        return frozenset(self._scope.unbound)

    def analyse(self, source: bytes) -> Analysis:
        """Decide about a case with this code. Code that doesn't compile is SEPARATED: running it will tell."""
        if self.setup_reason:
            return Analysis(self._setup.stubs, self.setup_reason)
        walk = self._begin()
        case = walk.analyse(source)
        if not (case.shared_reason or case.stubs or self._setup.stubs) and walk.builtins:
            # A test of nothing: unless the program has a function that is called like one of Python's.
            if len(walk.builtins) > 1:
                return Analysis(frozenset(), f"may mean the program's own {' or '.join(sorted(walk.builtins))}")
            case = self._begin(frozenset(walk.builtins)).analyse(source)
        return Analysis(self._setup.stubs | case.stubs, case.shared_reason, case.tree)

    def _begin(self, of_program: frozenset[str] = frozenset()) -> "_Statements":
        scope = Scope()
        scope.names.update(self._scope.names)
        return _Statements(scope, of_program)


class _Statements(Expressions):
    """Goes through statements."""

    def analyse(self, source: bytes) -> Analysis:
        """Go through a whole code."""
        try:
            tree: _ast.Module = compile(source, "<test>", "exec", _ast.PyCF_ONLY_AST, dont_inherit=True)  # type: ignore[assignment]
            self.statements(tree.body)
        except NeedsLiveObjects as reason:
            return Analysis(frozenset(), str(reason))
        except (RecursionError, MemoryError):
            return Analysis(frozenset(), "is nested too deeply to be analysed")
        except (SyntaxError, ValueError):
            return Analysis(frozenset(), "")
        return Analysis(frozenset(self.stubs), "", tree)

    def statements(self, body: "Sequence[_ast.stmt]") -> None:
        """Go through some statements."""
        self.count(len(body))
        for statement in body:
            handle = _HANDLERS.get(type(statement))
            if handle is None:
                raise needs_live_objects(statement, f"uses {type(statement).__name__}")
            handle(self, statement)

    def _expression(self, node: _ast.Expr) -> None:
        self.value(node.value)

    def _assign(self, node: _ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.bind_target(target, value)

    def _assign_annotated(self, node: _ast.AnnAssign) -> None:
        if self.scope.function is None:  # in functions they aren't evaluated
            self.data(node.annotation)
        if node.value is not None:
            self.bind_target(node.target, self.value(node.value))

    def _assign_augmented(self, node: _ast.AugAssign) -> None:
        value = self.data(node.value)
        if isinstance(node.target, _ast.Name):
            self.load(node.target.id, node)
        self.bind_target(node.target, value)

    def _for(self, node: _ast.For) -> None:
        values = self.iterate(node.iter)

        def once() -> None:
            self.bind_target(node.target, values)
            self.statements(node.body)

        self.repeat(once)
        self.statements(node.orelse)

    def _while(self, node: _ast.While) -> None:
        def once() -> None:
            self.data(node.test)
            self.statements(node.body)

        self.repeat(once)
        self.statements(node.orelse)

    def _if(self, node: _ast.If) -> None:
        self.data(node.test)
        self.statements(node.body)
        self.statements(node.orelse)

    def _with(self, node: _ast.With) -> None:
        for item in node.items:
            entered = self.own(item.context_expr, "enters")
            if item.optional_vars is not None:
                self.bind_target(item.optional_vars, entered)
        self.statements(node.body)

    def _try(self, node: _ast.Try) -> None:
        self.statements(node.body)
        for handler in node.handlers:
            if handler.type is not None:
                self.check_caught(self.own(handler.type, "catches"), handler)
            if handler.name:
                self.bind(handler.name, only(ERROR, f"the exception {handler.name}"), handler)
            self.statements(handler.body)
        self.statements(node.orelse)
        self.statements(node.finalbody)

    def _raise(self, node: _ast.Raise) -> None:
        for part in (node.exc, node.cause):
            if part is not None:
                self.own(part, "raises")

    def _assert(self, node: _ast.Assert) -> None:
        self.data(node.test)
        if node.msg is not None:
            self.data(node.msg)

    def _return(self, node: _ast.Return) -> None:
        if node.value is not None:
            self.returned |= self.value(node.value)

    def _delete(self, node: _ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, _ast.Subscript):
                self.data(target)
                self.check_item_store(target)
            elif isinstance(target, _ast.Attribute):
                self.check_attribute_store(target, PLAIN)

    def _import(self, node: _ast.Import) -> None:
        for alias in node.names:
            self._check_import(alias.name, node)
            top = alias.name.partition(".")[0]
            self.bind(alias.asname or top, only(KNOWN, alias.name if alias.asname else top), node)

    def _import_from(self, node: _ast.ImportFrom) -> None:
        for alias in node.names:
            name = f"{'.' * node.level}{node.module or ''}.{alias.name}"
            self._check_import(name, node)
            value = PLAIN if name in trust_known.CONSTANTS else only(KNOWN, name)
            self.bind(alias.asname or alias.name, value, node)

    def _check_import(self, name: str, node: _ast.stmt) -> None:
        top = name.partition(".")[0]
        is_safe = top in trust_known.MODULES and not name.endswith("*")
        if is_safe and name != top and name not in trust_known.CONSTANTS:
            is_safe = trust_known.kind(name) is not trust_known.FORBIDDEN
        if not is_safe:
            raise needs_live_objects(node, f"imports {name}")

    def _function(self, node: _ast.FunctionDef) -> None:
        parameters = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
        for annotation in (*(parameter.annotation for parameter in parameters if parameter), node.returns):
            if annotation is not None:
                self.data(annotation)
        function = self.define(node)
        self.bind(node.name, function, node)
        self._decorate(node, function)

    def _class(self, node: _ast.ClassDef) -> None:
        for base in (*node.bases, *(keyword.value for keyword in node.keywords)):
            self.own(base, "derives from")
        own = only(OWN, node.name)
        self.bind(node.name, own, node)  # its methods may name it
        outside, self.scope = self.scope, Scope(self.scope, is_class=True)
        self.statements(node.body)
        members, self.scope = self.scope.names.values(), outside
        for member in members:
            self.give_away(member, Arguments((own,), spread=only(UNKNOWN, f"an argument in {node.name}")), node)
        self._decorate(node, own)

    def _decorate(self, node: "_ast.FunctionDef | _ast.ClassDef", value: "Traces") -> None:
        for decorator in reversed(node.decorator_list):
            value = self.call(self.own(decorator, "decorates with"), Arguments((value,)), decorator)
        self.bind(node.name, value, node)

    def _declare_outer(self, node: "_ast.Global | _ast.Nonlocal") -> None:
        for name in node.names:
            self.declare_outer(name, isinstance(node, _ast.Global))

    def _pass(self, node: _ast.stmt) -> None:
        pass


_HANDLERS: "dict[type[_ast.AST], Callable[[_Statements, Any], None]]" = {
    _ast.AnnAssign: _Statements._assign_annotated,
    _ast.Assert: _Statements._assert,
    _ast.Assign: _Statements._assign,
    _ast.AugAssign: _Statements._assign_augmented,
    _ast.Break: _Statements._pass,
    _ast.ClassDef: _Statements._class,
    _ast.Continue: _Statements._pass,
    _ast.Delete: _Statements._delete,
    _ast.Expr: _Statements._expression,
    _ast.For: _Statements._for,
    _ast.FunctionDef: _Statements._function,
    _ast.Global: _Statements._declare_outer,
    _ast.If: _Statements._if,
    _ast.Import: _Statements._import,
    _ast.ImportFrom: _Statements._import_from,
    _ast.Nonlocal: _Statements._declare_outer,
    _ast.Pass: _Statements._pass,
    _ast.Raise: _Statements._raise,
    _ast.Return: _Statements._return,
    _ast.Try: _Statements._try,
    _ast.While: _Statements._while,
    _ast.With: _Statements._with,
}
