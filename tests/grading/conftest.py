"""The whole corpus is graded at once, for each way of isolation, by one server."""

from collections.abc import Iterator

import pytest
from corpus import CorpusProgram
from suites import CASE_SECONDS, Outcomes, grade, settings

from trialbox.client import Sandbox

SLOTS = 4
START_SECONDS = 120


@pytest.fixture(scope="session")
def grader() -> Iterator[Sandbox]:
    """The server that grades the corpus."""
    with Sandbox.local(slots=SLOTS, settings=settings(), start_seconds=START_SECONDS) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def graded_cheats(request: pytest.FixtureRequest, grader: Sandbox, isolation_path: str) -> Outcomes:
    """What became of the cheats among the tests to be run, by name."""
    programs = _asked_for(request.session, "cheat", isolation_path)
    return grade(grader, programs, isolation=isolation_path, case_seconds=CASE_SECONDS)


@pytest.fixture(scope="session")
def graded_honest_programs(request: pytest.FixtureRequest, grader: Sandbox, isolation_path: str) -> Outcomes:
    """The same for honest programs, which get all the time that a server gives."""
    programs = _asked_for(request.session, "honest", isolation_path)
    return grade(grader, programs, isolation=isolation_path, case_seconds=None)


def _asked_for(session: pytest.Session, name: str, path: str) -> list[CorpusProgram]:
    """The programs that are a parameter of this name of some test of this path, each once."""
    items = [item for item in session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    parameters = [item.callspec.params for item in items]
    asked = [each[name] for each in parameters if name in each and each.get("isolation_path") == path]
    return list({program.name: program for program in asked if isinstance(program, CorpusProgram)}.values())
