"""The SDK's names, and the three classes that must not drift apart."""

import inspect
import subprocess
import sys

import pytest

import trialbox.client
from trialbox.client import AsyncSandbox, FakeSandbox, Sandbox

_METHODS = ("run", "stream", "evaluate", "run_many", "evaluate_many", "server_info", "close")


def test_all_lists_every_public_name_and_no_other() -> None:
    public = [
        name
        for name, value in vars(trialbox.client).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    ]
    assert sorted(public) == sorted(trialbox.client.__all__)


@pytest.mark.parametrize("name", ["__init__", "local", *_METHODS])
def test_the_asyncio_client_has_the_same_surface(name: str) -> None:
    assert _parameters(getattr(AsyncSandbox, name)) == _parameters(getattr(Sandbox, name))


@pytest.mark.parametrize("name", _METHODS)
def test_the_fake_has_the_same_surface(name: str) -> None:
    assert _parameters(getattr(FakeSandbox, name)) == _parameters(getattr(Sandbox, name))


def test_no_client_has_a_method_that_another_lacks() -> None:
    assert _public(Sandbox) == _public(AsyncSandbox) == _public(FakeSandbox) | {"local"}


def test_importing_the_sdk_loads_nothing_heavy() -> None:
    script = "import sys, trialbox.client; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    heavy = {"torch", "numpy", "typer", "rich", "pydantic", "structlog", "trialbox.server", "trialbox.cli"}
    assert heavy.isdisjoint(loaded)


def _parameters(function: object) -> list[tuple[str, object, object]]:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    return [(parameter.name, parameter.kind, parameter.default) for parameter in signature.parameters.values()]


def _public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}
