"""A scripted service and both clients of it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from scripted_service import ScriptedService, serving

from trialbox.client import AsyncSandbox, Sandbox


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
def address(service: ScriptedService, tmp_path: Path) -> Iterator[str]:
    with serving(service, tmp_path) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[Sandbox]:
    with Sandbox(address) as sandbox:
        yield sandbox


@pytest.fixture
async def async_client(address: str) -> AsyncIterator[AsyncSandbox]:
    async with AsyncSandbox(address) as sandbox:
        yield sandbox
