"""Whether test code leaves nothing behind in its process but what its own names hold.

Such code needs no process of its own: it imports nothing but math, sets no attribute, declares no class or global name,
and calls none of the builtins that reach beyond their arguments. It is about the tests of one caller not upsetting each
other, which have one process in common; nothing that a program sends is run in either.
"""

import _ast

_NODES = frozenset((
    _ast.Module, _ast.FunctionDef, _ast.arguments, _ast.arg, _ast.Return, _ast.Assign, _ast.AugAssign,
    _ast.AnnAssign, _ast.For, _ast.While, _ast.If, _ast.Try, _ast.Assert, _ast.Expr, _ast.Pass, _ast.Break,
    _ast.Continue, _ast.Import, _ast.ImportFrom, _ast.alias, _ast.ExceptHandler, _ast.keyword,
    _ast.comprehension, _ast.BoolOp, _ast.NamedExpr, _ast.BinOp, _ast.UnaryOp, _ast.Lambda, _ast.IfExp,
    _ast.Dict, _ast.Set, _ast.ListComp, _ast.SetComp, _ast.DictComp, _ast.GeneratorExp, _ast.Compare, _ast.Call,
    _ast.FormattedValue, _ast.JoinedStr, _ast.Constant, _ast.Attribute, _ast.Subscript, _ast.Starred, _ast.Name,
    _ast.List, _ast.Tuple, _ast.Slice, _ast.Load, _ast.Store, _ast.And, _ast.Or, _ast.Add, _ast.Sub, _ast.Mult,
    _ast.MatMult, _ast.Div, _ast.Mod, _ast.Pow, _ast.LShift, _ast.RShift, _ast.BitOr, _ast.BitXor, _ast.BitAnd,
    _ast.FloorDiv, _ast.Invert, _ast.Not, _ast.UAdd, _ast.USub, _ast.Eq, _ast.NotEq, _ast.Lt, _ast.LtE, _ast.Gt,
    _ast.GtE, _ast.Is, _ast.IsNot, _ast.In, _ast.NotIn,
))  # fmt: skip
_REACHING = frozenset((
    "breakpoint", "compile", "delattr", "dir", "eval", "exec", "exit",
    "getattr", "globals", "help", "input", "locals", "open", "quit", "setattr", "super", "type", "vars",
    "memoryview",
))  # fmt: skip
# Frames, generators, code and tracebacks lead to the builtins of all.
_INNER = ("_", "ag_", "co_", "cr_", "f_", "gi_", "tb_")
_MODULE = "math"


def is_plain(tree: _ast.Module) -> bool:
    """Whether this is such code."""
    nodes: list[_ast.AST] = [tree]
    for node in nodes:
        kind = type(node)
        if kind not in _NODES:
            return False
        if kind is _ast.Name:
            if node.id in _REACHING or node.id.startswith("__"):  # type: ignore[attr-defined]
                return False
            continue
        if kind is _ast.Attribute and (
            type(node.ctx) is not _ast.Load or node.attr.startswith(_INNER)  # type: ignore[attr-defined]
        ):
            return False
        if kind is _ast.alias and node.name != _MODULE:  # type: ignore[attr-defined]
            return False
        if kind is _ast.ImportFrom:
            if node.module != _MODULE:  # type: ignore[attr-defined]
                return False
            continue
        for name in kind._fields:
            value = getattr(node, name)
            if type(value) is list:
                nodes += value
            elif isinstance(value, _ast.AST):
                nodes.append(value)
    return True
