"""One sandbox of each kind, for the suite that the SDK ships."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import pytest

from trialbox.client import AsyncSandbox, Evaluation, Event, Execution, FakeSandbox, Sandbox, ServerInfo, conformance


class Blocking:
    """An AsyncSandbox with the methods of a Sandbox, for checks that are written for one."""

    def __init__(self, runner: asyncio.Runner, box: AsyncSandbox) -> None:
        self._runner = runner
        self._box = box

    def run(self, *args: Any, **options: Any) -> Execution:
        return self._runner.run(self._box.run(*args, **options))

    def stream(self, *args: Any, **options: Any) -> Iterator[Event]:
        return self._each(self._box.stream(*args, **options))

    def evaluate(self, *args: Any, **options: Any) -> Evaluation:
        return self._runner.run(self._box.evaluate(*args, **options))

    def run_many(self, *args: Any, **options: Any) -> Iterator[Execution]:
        return self._each(self._box.run_many(*args, **options))

    def evaluate_many(self, *args: Any, **options: Any) -> Iterator[Evaluation]:
        return self._each(self._box.evaluate_many(*args, **options))

    def server_info(self) -> ServerInfo:
        return self._runner.run(self._box.server_info())

    def _each(self, results: Any) -> Iterator[Any]:
        async def step() -> Any:
            return await anext(results, None)

        try:
            while (result := self._runner.run(step())) is not None:
                yield result
        finally:
            self._runner.run(results.aclose())


@contextmanager
def _remote() -> Iterator[str]:
    """A server on loopback, as a cluster would run it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    ours, theirs = socket.socketpair()
    with theirs:
        environment = {**os.environ, "TRIALBOX_ADDRESS": address, "TRIALBOX_LIFELINE_FD": str(theirs.fileno())}
        server = subprocess.Popen(
            [sys.executable, "-m", "trialbox.server"], env=environment, pass_fds=[theirs.fileno()]
        )
    with server, ours:
        assert ours.recv(6) == b"ready\n", "the server ended before it served"
        yield address


@contextmanager
def _on_asyncio(box: AsyncSandbox) -> Iterator[Sandbox]:
    with asyncio.Runner() as runner:
        opened = runner.run(box.__aenter__())
        try:
            yield cast(Sandbox, Blocking(runner, opened))
        finally:
            runner.run(opened.close())


@contextmanager
def _kind(name: str) -> Iterator[conformance.Box]:
    with ExitStack() as stack:
        match name:
            case "fake":
                yield stack.enter_context(FakeSandbox(conformance.answer))
            case "local":
                yield stack.enter_context(Sandbox.local())
            case "remote":
                yield stack.enter_context(Sandbox(stack.enter_context(_remote())))
            case "local-async":
                yield stack.enter_context(_on_asyncio(AsyncSandbox.local()))


@pytest.fixture(scope="session", params=["fake", "local", "remote", "local-async"])
def any_box(request: pytest.FixtureRequest) -> Iterator[conformance.Box]:
    """A sandbox of each kind in turn."""
    with _kind(request.param) as box:
        yield box
