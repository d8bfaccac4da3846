"""A test and its program in one process that share nothing but values: what SEPARATED means, without the sockets."""

import importlib
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from trialbox.v1 import values


def load_trust() -> ModuleType:
    """The guest's module, whose parts name each other without a package."""
    for name in ("known", "traces", "names", "calls", "expressions"):
        sys.modules[f"trust_{name}"] = importlib.import_module(f"trialbox.server.guest.trust_{name}")
    return importlib.import_module("trialbox.server.guest.trust")


def run_apart(
    program: str, setup_stubs: Iterable[str], setup: str | bytes, cases: Iterable[tuple[str | bytes, Iterable[str]]]
) -> list[str]:
    """Run the code of each case with stubs of the names beside it, all it has of the program; what each raises."""
    of_program = _load(program)
    of_setup: dict[str, Any] = {"__name__": "test"}
    of_setup |= {name: _stub(of_program, name) for name in setup_stubs}
    exec(compile(setup, "<setup>", "exec", dont_inherit=True), of_setup)
    return [
        _run(source, of_setup | {name: _stub(of_program, name) for name in names if name not in of_setup})
        for source, names in cases
    ]


def run_together(program: str, source: str) -> str:
    """Run the code where the program was loaded; what it raises."""
    return _run(source, _load(program))


def _load(program: str) -> dict[str, Any]:
    namespace = {"__name__": "candidate"}
    exec(compile(program, "<program>", "exec", dont_inherit=True), namespace)
    return namespace


def _run(source: str | bytes, namespace: dict[str, Any]) -> str:
    try:
        exec(compile(source, "<test>", "exec", dont_inherit=True), namespace)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _stub(of_program: dict[str, Any], name: str) -> Callable[..., object]:
    def call(*positional: object, **keywords: object) -> object:
        copies: Any = _crossed(positional)
        try:
            return _crossed(of_program[name](*copies, **_crossed(keywords)))
        finally:
            for original, changed in zip(positional, _crossed(copies), strict=True):
                _mirror(original, changed)

    return call


def _crossed(value: object) -> Any:
    return values.decode(values.encode(value))


def _mirror(original: object, changed: Any) -> None:
    if isinstance(original, list | bytearray):
        original[:] = changed
    elif isinstance(original, dict | set):
        original.clear()
        original.update(changed)
