"""Fixtures shared by all tests that run programs in real jails."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import hosts
import pytest
from executions import Run

from trialbox.client import Execution, Sandbox

# The ways a program can be isolated; every test of `run` runs once for each.
ISOLATION_PATHS = ("cold", "warm")
SLOTS = 4

_DATA_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", params=ISOLATION_PATHS)
def isolation_path(request: pytest.FixtureRequest) -> str:
    """The isolation a test's programs get."""
    path: str = request.param
    return path


@pytest.fixture(scope="session")
def local_server(isolation_path: str) -> Iterator[tuple[Sandbox, int]]:
    """One embedded server for all tests, and its process's number."""
    before = hosts.servers()
    with Sandbox.local(slots=SLOTS) as sandbox:
        (pid,) = hosts.servers() - before
        yield sandbox, pid


@pytest.fixture(scope="session")
def box(local_server: tuple[Sandbox, int]) -> Sandbox:
    """A sandbox on the embedded server that all tests share."""
    return local_server[0]


@pytest.fixture(scope="session")
def server_pid(local_server: tuple[Sandbox, int]) -> int:
    """The process behind `box`."""
    return local_server[1]


@pytest.fixture(scope="session")
def run(box: Sandbox, isolation_path: str) -> Run:
    """`box.run`, with every answer checked to have had the isolation asked for, and all of it."""

    def run_isolated(*args: object, **options: object) -> Execution:
        execution = box.run(*args, isolation=isolation_path, **options)  # type: ignore[arg-type]
        assert execution.isolation.path == isolation_path
        assert execution.isolation.waived_layers == ()
        return execution

    return run_isolated


@pytest.fixture(scope="session")
def run_on_one_slot(isolation_path: str) -> Iterator[Callable[..., Execution]]:
    """`run` on a server where each program comes right after the last, in the same place."""
    with Sandbox.local(slots=1) as sandbox:
        yield functools.partial(sandbox.run, isolation=isolation_path)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Where the third-party data sets lie, for tests of real input."""
    if not _DATA_FOLDER.is_dir():
        pytest.skip(f"no data sets in {_DATA_FOLDER}")
    return _DATA_FOLDER
