"""What calls and attributes give, as the analysis (trust.py) goes through test code."""

import _ast

import trust_known
from trust_known import DATA, FORBIDDEN, ITERATING, LIVE, SCALAR
from trust_names import Names, needs_live_objects
from trust_traces import (
    ERROR,
    FUNCTION,
    HELD_STUB,
    ITERATOR,
    KNOWN,
    OF_PROGRAM,
    OWN,
    PLAIN,
    RESULT,
    RESULTS,
    STUB,
    TYPE,
    UNKNOWN,
    Arguments,
    Function,
    Scope,
    held,
    items,
    may_be_class,
    only,
    results,
)

if False:  # for the type checker only
    from collections.abc import Sequence

    from trust_traces import Trace, Traces

UNKNOWN_ARGUMENTS = Arguments(spread=only(UNKNOWN, "an argument of a callback"))
_OF_DATA = (*RESULTS, HELD_STUB, ITERATOR)
"""What data has traces of because it holds that, or may be that."""


class Calls(Names):
    """Calls whatever can be called."""

    def __init__(self, module: Scope, of_program: frozenset[str] = frozenset()) -> None:
        super().__init__(module, of_program)
        self.returned = PLAIN
        """What the function that is gone through has returned or yielded so far."""
        self._runs: dict[tuple[object, ...], Traces] = {}

    def value(self, node: _ast.expr) -> "Traces":
        """Go through an expression; the traces of what it gives."""
        raise NotImplementedError

    def statements(self, body: "Sequence[_ast.stmt]") -> None:
        """Go through some statements."""
        raise NotImplementedError

    def attribute(self, base: "Traces", node: _ast.Attribute, called: bool = False) -> "Traces":
        """The traces of an attribute; if it is called, only of those that aren't plain data's."""
        return PLAIN.union(*(self._attribute(owner, node, called) for owner in base))

    def _attribute(self, owner: "Trace", node: _ast.Attribute, called: bool) -> "Traces":
        name = node.attr
        if owner.kind is STUB:
            raise needs_live_objects(node, f"uses {owner} other than by calling it")
        if owner.kind in (*RESULTS, HELD_STUB):
            if not self._has_attribute(owner, name, called):
                raise needs_live_objects(node, f"reads .{name} of {owner}")
            return PLAIN if called else frozenset((owner,))
        if owner.kind in (TYPE, ERROR):
            raise needs_live_objects(node, f"reads .{name} of {owner}")
        if owner.kind is KNOWN:
            whole = f"{owner.name}.{name}"
            if whole in trust_known.CONSTANTS:
                return PLAIN
            if trust_known.kind(whole) is FORBIDDEN:
                raise needs_live_objects(node, f"uses {whole}")
            # A loop could make ever longer names.
            return only(KNOWN if whole.count(".") < 5 else UNKNOWN, whole)
        if owner.kind is OWN:
            return only(OWN, name if name.startswith("assert") else owner.name)
        if owner.kind is FUNCTION:
            return only(UNKNOWN, f"an attribute of {owner}")
        return frozenset((owner,)) if owner.kind is UNKNOWN else PLAIN

    def _has_attribute(self, owner: "Trace", name: str, called: bool) -> bool:
        """Whether that's plain data which has this attribute, rather than an object of the program's."""
        if owner.kind is RESULT and (may_be_class(owner.name) or name in trust_known.CHANGING):
            return False
        return trust_known.has_attribute(name, called)

    def call_method(self, base: "Traces", node: _ast.Attribute, arguments: Arguments) -> "Traces":
        """Call an attribute."""
        result = self.call(self.attribute(base, node, called=True), arguments, node)
        if base and not any(trace.kind in _OF_DATA for trace in base):
            return result
        everything = arguments.all()
        if node.attr == "sort":
            self.call(everything, Arguments(spread=items(base)), node)
        elif node.attr in trust_known.CHANGING:
            self.put_into(node.value, everything)
        else:
            self.check_no_stub(everything, node)
            self.check_no_object(everything, f"passes {{}} to .{node.attr}()", node)
        if node.attr in trust_known.OF_TEXT:
            return result
        result |= items(base) | held(items(everything))
        return result | only(ITERATOR, f"what .{node.attr}() returned") if node.attr in trust_known.VIEWS else result

    def call(self, callees: "Traces", arguments: Arguments, node: _ast.AST) -> "Traces":
        """Call whichever of these it is."""
        return PLAIN.union(*(self._call_one(callee, arguments, node) for callee in callees))

    def _call_one(self, callee: "Trace", arguments: Arguments, node: _ast.AST) -> "Traces":
        if isinstance(callee, Function):
            return self.run(callee, arguments)
        everything = arguments.all()
        if callee.kind in (STUB, HELD_STUB):
            self._check_crossing(callee.name, everything, node)
            return only(RESULT, callee.name)
        if callee.kind is KNOWN:
            return self._call_known(callee.name, arguments, node)
        if callee.kind in (*RESULTS, TYPE):
            raise needs_live_objects(node, f"calls {callee}")
        self.check_no_stub(everything, node)
        if callee.kind is OWN and callee.name.startswith("assert"):  # they only compare, or wait for an exception
            self.check_caught(everything, node)
            self.call(_functions(everything), UNKNOWN_ARGUMENTS, node)
        else:
            self.give_away(everything, UNKNOWN_ARGUMENTS, node)
        return frozenset((callee,))

    def run(self, function: Function, arguments: Arguments) -> "Traces":
        """Call a function of the test's: go through it, unless that was done with such arguments."""
        names = arguments.bind(function)
        key = (function, self.growth, *names.values())
        known = self._runs.get(key)
        if known is not None:
            return known
        self._runs[key] = PLAIN  # it may call itself
        caller, returned = self.scope, self.returned
        self.scope, self.returned = Scope(function.scope, function=function), PLAIN
        self.scope.names = names
        if isinstance(function.node, _ast.Lambda):
            self.count(1)
            self.returned = self.value(function.node.body)
        else:
            self.statements(function.node.body)
        result = self._runs[key] = self.returned
        self.scope, self.returned = caller, returned
        return result

    def give_away(self, value: "Traces", arguments: Arguments, node: _ast.AST) -> None:
        """Put a value where its traces are lost: nothing of the program's may be, or come of calling functions."""
        for trace in value | self.call(_functions(value), arguments, node):
            if trace.kind in OF_PROGRAM:
                raise needs_live_objects(node, f"gives {trace} to an object of its own")

    def _call_known(self, name: str, arguments: Arguments, node: _ast.AST) -> "Traces":
        kind = trust_known.kind(name)
        value = arguments.all()
        if value and name in trust_known.CALLERS:
            value = self._call_caller(name, arguments, node)
        elif value:
            self.check_no_stub(value, node)
            self._check_results(name, value, node)
            of_program = results(value)
            if name == "type" and of_program:
                return only(TYPE, of_program[0].name)
            if name == "type" and any(trace.kind is ERROR for trace in value):
                return value
            if name == "isinstance" and of_program:
                self.check_types(PLAIN.union(*arguments.positional[1:]), node)
            if name == "pytest.raises":
                self.check_caught(value, node)
            if kind not in (DATA, ITERATING):
                self.give_away(_functions(value), UNKNOWN_ARGUMENTS, node)
        if kind is DATA:
            return held(items(value))
        if kind is SCALAR:
            return PLAIN
        if kind is ITERATING:
            return held(items(value)) | only(ITERATOR, f"what {name} returned")
        # What a loop calls again and again must not get an ever longer name.
        return only(UNKNOWN, f"what {name} returned") if "()" in name else only(KNOWN, f"{name}()")

    def _call_caller(self, name: str, arguments: Arguments, node: _ast.AST) -> "Traces":
        """Let a function of Python's or its library call what it's given; the traces of what may come of it."""
        place = trust_known.CALLERS[name]
        callees = PLAIN.union(*(arguments.named.get(word, PLAIN) for word in ("func", "key")))
        given = [arguments.spread]
        for number, value in enumerate(arguments.positional):
            if number == place:
                callees |= value
            else:
                given.append(value)
        data = items(PLAIN.union(*given))
        self._check_results(name, data, node)
        returned = self.call(callees, Arguments(spread=data), node)
        if name == "functools.partial":
            return callees
        if name in trust_known.MAPPERS:
            return returned
        return data | returned if name in trust_known.REDUCERS else data

    def _check_results(self, name: str, value: "Traces", node: _ast.AST) -> None:
        """Refuse to give this function of Python's or its library what it can't use if it's plain."""
        if name not in trust_known.USED_ON_DATA:
            self.check_no_object(value, f"passes {{}} to {name}", node)
        # Only an iterator has a next item, and hardly anything else is made a list of: unless it's the test's own
        # iterator, it's the program's.
        refused = {"next": RESULTS, "list": (RESULT,)}.get(name, ()) if items(value) == value else ()
        if trust_known.kind(name) is LIVE:
            refused = RESULTS
        for trace in value:
            if trace.kind in refused:
                raise needs_live_objects(node, f"passes {trace} to {name}")

    def check_no_stub(self, value: "Traces", node: _ast.AST) -> None:
        """Refuse to use a name of the program's as data."""
        for trace in value:
            if trace.kind is STUB:
                raise needs_live_objects(node, f"uses {trace} other than by calling it")

    def check_no_object(self, value: "Traces", reason: str, node: _ast.AST) -> None:
        """Refuse to do with what may be an object of the program's what can be done with objects."""
        for result in results(value):
            if may_be_class(result.name):
                raise needs_live_objects(node, reason.format(result))

    def check_types(self, value: "Traces", node: _ast.AST) -> None:
        """Refuse to ask of plain data whether it's something else."""
        for trace in value:
            if trace.kind is not KNOWN or not trust_known.is_plain_type(trace.name):
                raise needs_live_objects(node, f"asks for the type {trace}")

    def check_caught(self, value: "Traces", node: _ast.AST) -> None:
        """Refuse to catch exceptions that don't cross by their own name: those that aren't Python's own."""
        for trace in value:
            if trace.kind is KNOWN and ("." in trace.name or trace.name in trust_known.ENDS):
                raise needs_live_objects(node, f"catches {trace}")

    def _check_crossing(self, stub: str, value: "Traces", node: _ast.AST) -> None:
        for trace in value:
            # What a function both returns and takes is plain data as a rule. What one returns and another takes
            # may be an object, which never leaves the program's process.
            if trace.kind not in RESULTS or trace.name != stub or may_be_class(stub):
                raise needs_live_objects(node, f"passes {trace} to {stub}")


def _functions(value: "Traces") -> "Traces":
    """The test's own functions in there."""
    return frozenset(trace for trace in value if trace.kind is FUNCTION)
