"""Fixtures shared by all tests that run programs in real jails."""

from collections.abc import Iterator
from pathlib import Path

import hosts
import pytest
from executions import Run

from trialbox.client import Execution, Sandbox

# The ways a program can be isolated; every test of `run` runs once for each.
ISOLATION_PATHS = ("cold", "warm")
SLOTS = 4
# Enough for an emulated machine.
START_SECONDS = 120

_DATA_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="repeat at length what must hold every time")


@pytest.fixture(scope="session")
def thorough(pytestconfig: pytest.Config) -> bool:
    """Whether to repeat at length what must hold every time: `make test-thorough`."""
    return bool(pytestconfig.getoption("thorough"))


@pytest.fixture(scope="session", params=ISOLATION_PATHS)
def isolation_path(request: pytest.FixtureRequest) -> str:
    """The isolation a test's programs get."""
    path: str = request.param
    return path


@pytest.fixture(scope="session")
def local_server() -> Iterator[tuple[Sandbox, int]]:
    """One embedded server for all tests, and its process's number."""
    before = hosts.servers()
    with Sandbox.local(slots=SLOTS, start_seconds=START_SECONDS) as sandbox:
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
    return _isolated(box, isolation_path)


@pytest.fixture(scope="session")
def one_slot_server() -> Iterator[tuple[Sandbox, int]]:
    """A server where each program comes right after the last, in the same place; and its process's number."""
    before = hosts.servers()
    with Sandbox.local(slots=1, settings={"spare_slots": "0"}, start_seconds=START_SECONDS) as sandbox:
        (pid,) = hosts.servers() - before
        yield sandbox, pid


@pytest.fixture(scope="session")
def run_on_one_slot(one_slot_server: tuple[Sandbox, int], isolation_path: str) -> Run:
    """`run` on a server where each program comes right after the last, in the same place."""
    return _isolated(one_slot_server[0], isolation_path)


def _isolated(sandbox: Sandbox, path: str) -> Run:
    def run_isolated(*args: object, **options: object) -> Execution:
        execution = sandbox.run(*args, isolation=path, **options)  # type: ignore[arg-type]
        assert execution.isolation.path == path
        assert execution.isolation.waived_layers == ()
        return execution

    return run_isolated


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Where the third-party data sets lie, for tests of real input."""
    if not _DATA_FOLDER.is_dir():
        pytest.skip(f"no data sets in {_DATA_FOLDER}")
    return _DATA_FOLDER
