"""The expressions of test code, as the analysis (trust.py) goes through it."""

import _ast

from trust_calls import UNKNOWN_ARGUMENTS, Calls
from trust_names import needs_live_objects
from trust_traces import (
    FUNCTION,
    HELD_RESULT,
    ITERATOR,
    KNOWN,
    OWN,
    PLAIN,
    RESULT,
    TYPE,
    UNKNOWN,
    Arguments,
    Function,
    Scope,
    held,
    items,
    only,
    results,
)

if False:  # for the type checker only
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from trust_traces import Traces


_FOREIGN = (FUNCTION, ITERATOR, KNOWN, UNKNOWN)
"""What plain data is never equal to."""


class Expressions(Calls):
    """Goes through expressions."""

    def value(self, node: _ast.expr) -> "Traces":
        """The traces of what an expression gives."""
        handle = _HANDLERS.get(type(node))
        if handle is None:
            raise needs_live_objects(node, f"uses {type(node).__name__}")
        return handle(self, node)

    def data(self, node: _ast.expr) -> "Traces":
        """The same, where it is used as data: the program's names can't be."""
        value = self.value(node)
        if value:
            self.check_no_stub(value, node)
        return value

    def own(self, node: _ast.expr, verb: str) -> "Traces":
        """The same, where it must not come from the program at all."""
        value = self.data(node)
        for result in results(value):
            raise needs_live_objects(node, f"{verb} {result}")
        return value

    def iterate(self, node: _ast.expr) -> "Traces":
        """What comes out when it is iterated over."""
        value = self.data(node)
        self.check_no_object(value, "iterates over {}", node)
        return items(value)

    def define(self, node: "_ast.FunctionDef | _ast.Lambda") -> "Traces":
        """The function that this makes."""
        defaults = (default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None)
        function = Function(node, self.scope.of_functions(), self._union(defaults))
        return frozenset((function,))

    def _union(self, nodes: "Iterable[_ast.expr]") -> "Traces":
        value = PLAIN
        for node in nodes:
            if type(node) is not _ast.Constant or node.value is ...:
                traces = self.value(node)
                if traces:
                    value |= traces
        return value

    def _constant(self, node: _ast.Constant) -> "Traces":
        return PLAIN if node.value is not ... else only(UNKNOWN, "...")

    def _name(self, node: _ast.Name) -> "Traces":
        return self.load(node.id, node)

    def _display(self, node: "_ast.List | _ast.Tuple | _ast.Set") -> "Traces":
        return held(self._union(node.elts))

    def _dict(self, node: _ast.Dict) -> "Traces":
        return held(self._union(part for part in (*node.keys, *node.values) if part is not None))

    def _starred(self, node: _ast.Starred) -> "Traces":
        return self.iterate(node.value)

    def _read_attribute(self, node: _ast.Attribute) -> "Traces":
        return self.attribute(self.value(node.value), node)

    def _subscript(self, node: _ast.Subscript) -> "Traces":
        self.data(node.slice)
        value = self.data(node.value)
        self.check_no_object(value, "takes an item of {}", node)
        return items(value)

    def _slice(self, node: _ast.Slice) -> "Traces":
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.data(part)
        return PLAIN

    def _call(self, node: _ast.Call) -> "Traces":
        positional: list[Traces] = []
        named: dict[str, Traces] = {}
        spread, spreads = PLAIN, False
        for argument in node.args:
            value = self.value(argument)
            if spreads or isinstance(argument, _ast.Starred):
                spreads = True
                spread |= value
            else:
                positional.append(value)
        for keyword in node.keywords:
            if keyword.arg is None:
                spread |= self.data(keyword.value)
            else:
                named[keyword.arg] = self.value(keyword.value)
        arguments = Arguments(positional, named, spread)
        if isinstance(node.func, _ast.Attribute):
            return self.call_method(self.value(node.func.value), node.func, arguments)
        return self.call(self.value(node.func), arguments, node)

    def _binary(self, node: _ast.BinOp) -> "Traces":
        left, right = self.data(node.left), self.data(node.right)
        if left and right:
            self._check_together((left, right), node)
        return left | right

    def _compare(self, node: _ast.Compare) -> "Traces":
        operands = (node.left, *node.comparators)
        values = [self.data(operand) for operand in operands]
        if not any(values):
            return PLAIN
        for number, operator in enumerate(node.ops, start=1):
            if isinstance(operator, _ast.Is | _ast.IsNot):
                self._check_identity(values[number - 1], operands[number])
                self._check_identity(values[number], operands[number - 1])
            elif isinstance(operator, _ast.In | _ast.NotIn):
                self.check_no_object(values[number], "asks what is in {}", node)
                values[number] = items(values[number])
        self._check_together(values, node)
        self._check_compared(PLAIN.union(*values), node)
        return PLAIN

    def _check_identity(self, value: "Traces", other: _ast.expr) -> None:
        # None, True and False are the same in all processes; of anything else there may be two.
        if not (isinstance(other, _ast.Constant) and (other.value is None or isinstance(other.value, bool))):
            for result in results(value):
                raise needs_live_objects(other, f"asks whether {result} is the very same object")

    def _check_together(self, values: "Sequence[Traces]", node: _ast.expr) -> None:
        if sum(bool(results(value)) for value in values) > 1:
            self.check_no_object(PLAIN.union(*values), "computes with {}", node)

    def _check_compared(self, value: "Traces", node: _ast.expr) -> None:
        """Refuse to compare what the program returned with what it couldn't."""
        foreign = frozenset(trace for trace in value if trace.kind in _FOREIGN and not trace.name.startswith("pytest."))
        if any(trace.kind is TYPE for trace in value):
            self.check_types(foreign, node)
            return
        for result in results(value):
            for trace in foreign:
                raise needs_live_objects(node, f"compares {result} with {trace}")

    def _unary(self, node: _ast.UnaryOp) -> "Traces":
        return self.data(node.operand)

    def _boolean(self, node: _ast.BoolOp) -> "Traces":
        return PLAIN.union(*(self.data(operand) for operand in node.values))

    def _conditional(self, node: _ast.IfExp) -> "Traces":
        self.data(node.test)
        return self.value(node.body) | self.value(node.orelse)

    def _walrus(self, node: _ast.NamedExpr) -> "Traces":
        value = self.value(node.value)
        if isinstance(node.target, _ast.Name):
            self.bind_outside_comprehensions(node.target.id, value, node)
        return value

    def _text(self, node: _ast.JoinedStr) -> "Traces":
        for part in node.values:
            self.value(part)
        return PLAIN

    def _formatted(self, node: _ast.FormattedValue) -> "Traces":
        self.check_no_object(self.data(node.value), "formats {}", node)
        if node.format_spec is not None:
            self.value(node.format_spec)
        return PLAIN

    def _comprehension(self, node: "_ast.ListComp | _ast.SetComp | _ast.GeneratorExp") -> "Traces":
        return self._comprehended((node.elt,), node.generators)

    def _dict_comprehension(self, node: _ast.DictComp) -> "Traces":
        return self._comprehended((node.key, node.value), node.generators)

    def _generator(self, node: _ast.GeneratorExp) -> "Traces":
        return self._comprehension(node) | only(ITERATOR, "a generator")

    def _comprehended(self, parts: "Iterable[_ast.expr]", generators: "list[_ast.comprehension]") -> "Traces":
        outside, self.scope = self.scope, Scope(self.scope, is_comprehension=True)
        for generator in generators:
            self.bind_target(generator.target, self.iterate(generator.iter))
            for condition in generator.ifs:
                self.data(condition)
        value = held(self._union(parts))
        self.scope = outside
        return value

    def _yield(self, node: "_ast.Yield | _ast.YieldFrom") -> "Traces":
        value = PLAIN if node.value is None else self.data(node.value)
        self.returned |= items(held(value)) | only(ITERATOR, "a generator")
        return only(UNKNOWN, "what a generator was sent")

    def bind_target(self, target: _ast.expr, value: "Traces") -> None:
        """Assign to whatever the target is."""
        if isinstance(target, _ast.Name):
            self.bind(target.id, value, target)
        elif isinstance(target, _ast.Tuple | _ast.List):
            self.check_no_object(value, "takes {} apart", target)
            for part in target.elts:
                self.bind_target(part, items(value))
        elif isinstance(target, _ast.Starred):
            self.bind_target(target.value, held(value))
        elif isinstance(target, _ast.Subscript):
            self.data(target)
            self.check_item_store(target)
            self.put_into(target.value, value)
        elif isinstance(target, _ast.Attribute):
            self.check_attribute_store(target, value)

    def check_item_store(self, target: _ast.Subscript) -> None:
        """Refuse to set items of what the program returned: it may have returned one object at several places."""
        for trace in self.value(target.value):
            if trace.kind is RESULT or (trace.kind is HELD_RESULT and not isinstance(target.value, _ast.Name)):
                raise needs_live_objects(target, f"changes what {trace.name} returned")

    def check_attribute_store(self, target: _ast.Attribute, value: "Traces") -> None:
        """Refuse to change attributes of anything but the test's own objects, or to hide results in them."""
        for trace in self.data(target.value):
            if trace.kind not in (FUNCTION, OWN):
                raise needs_live_objects(target, f"sets .{target.attr} of {trace}")
        self.give_away(value, UNKNOWN_ARGUMENTS, target)


_HANDLERS: "dict[type[_ast.AST], Callable[[Expressions, Any], Traces]]" = {
    _ast.Attribute: Expressions._read_attribute,
    _ast.BinOp: Expressions._binary,
    _ast.BoolOp: Expressions._boolean,
    _ast.Call: Expressions._call,
    _ast.Compare: Expressions._compare,
    _ast.Constant: Expressions._constant,
    _ast.Dict: Expressions._dict,
    _ast.DictComp: Expressions._dict_comprehension,
    _ast.FormattedValue: Expressions._formatted,
    _ast.GeneratorExp: Expressions._generator,
    _ast.IfExp: Expressions._conditional,
    _ast.JoinedStr: Expressions._text,
    _ast.Lambda: Expressions.define,
    _ast.List: Expressions._display,
    _ast.ListComp: Expressions._comprehension,
    _ast.Name: Expressions._name,
    _ast.NamedExpr: Expressions._walrus,
    _ast.Set: Expressions._display,
    _ast.SetComp: Expressions._comprehension,
    _ast.Slice: Expressions._slice,
    _ast.Starred: Expressions._starred,
    _ast.Subscript: Expressions._subscript,
    _ast.Tuple: Expressions._display,
    _ast.UnaryOp: Expressions._unary,
    _ast.Yield: Expressions._yield,
    _ast.YieldFrom: Expressions._yield,
}
