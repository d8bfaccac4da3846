"""The whole corpus is graded at once, for each way of isolation, by one server."""

import functools
from collections.abc import Iterator

import corpus
import pytest
from corpus import CorpusProgram
from suites import CASE_SECONDS, Graded, Outcomes, grade, settings

from trialbox.client import Sandbox

SLOTS = 4
START_SECONDS = 120


@pytest.fixture(scope="session")
def grader() -> Iterator[Sandbox]:
    """The server that grades the corpus."""
    with Sandbox.local(slots=SLOTS, settings=settings(), start_seconds=START_SECONDS) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def one_slot() -> Iterator[Sandbox]:
    """A server where each program comes right after the last, in the same place."""
    with Sandbox.local(slots=1, settings={"spare_slots": "0"}, start_seconds=START_SECONDS) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def graded_cheats(request: pytest.FixtureRequest, grader: Sandbox) -> Graded:
    """Gives what became of the cheats among the tests to be run, by name, for a way of isolation."""

    @functools.cache
    def graded(path: str) -> Outcomes:
        return grade(grader, _asked_for(request.session, path), isolation=path, case_seconds=CASE_SECONDS)

    return graded


@pytest.fixture(scope="session")
def graded_honest_programs(grader: Sandbox) -> Graded:
    """The same for all honest programs, which get all the time that a server gives."""

    @functools.cache
    def graded(path: str) -> Outcomes:
        return grade(grader, corpus.honest_programs(), isolation=path, case_seconds=None)

    return graded


def _asked_for(session: pytest.Session, path: str) -> list[CorpusProgram]:
    """The programs that are parameters of tests for this way of isolation."""
    items = [item for item in session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    parameters = [item.callspec.params for item in items]
    return [each["cheat"] for each in parameters if each.get("path") == path and "cheat" in each]
