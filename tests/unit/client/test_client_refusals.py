"""What can't be sent is refused before it is, by the name of its field and in words that say what is wanted."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from trialbox.client import (
    AsyncSandbox,
    Check,
    FakeSandbox,
    InvalidRequestError,
    Limits,
    Program,
    Sandbox,
    Stdio,
    Suite,
)

NOWHERE = "unix:/nowhere/socket"
LIMITS = Limits(wall_seconds=5)
SUITE = Suite([Check("")])


@pytest.fixture(params=[Sandbox, FakeSandbox])
def box(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each of them refuses by itself: nobody would answer."""
    with request.param(NOWHERE if request.param is Sandbox else {}) as box:
        yield box


def _refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(InvalidRequestError) as refused:
        call()
    (violation,) = refused.value.violations
    assert str(refused.value) == f"{violation.field}: {violation.description}"
    assert refused.value.reason == "INVALID_REQUEST"
    return violation.field, violation.description


@pytest.mark.parametrize(
    ("program", "field", "told"),
    [
        (3, "program.source", "3 is neither str nor bytes"),
        (Program("", files=["a"]), "program.files", "['a'] is no mapping"),  # type: ignore[arg-type]
        (Program("", files={1: b""}), "program.files", "1 is no string"),  # type: ignore[dict-item]
        (Program("", files={"a": None}), "program.files", "None is neither str nor bytes"),  # type: ignore[dict-item]
        (Program("", args=[1]), "program.args", "1 is no string"),  # type: ignore[list-item]
        (Program("", args=1), "program.args", "'int' object is not iterable"),  # type: ignore[arg-type]
        (Program("", stdin=["in"]), "program.stdin", "['in'] is neither str nor bytes"),  # type: ignore[arg-type]
        (Program("", env=[("A", "b")]), "program.env", "[('A', 'b')] is no mapping"),  # type: ignore[arg-type]
        (Program("", env={"A": 1}), "program.env", "1 is no string"),  # type: ignore[dict-item]
        (Program("", runtime=3), "program.runtime", "3 is no string"),  # type: ignore[arg-type]
        (Program("", hash_seed=-1), "program.hash_seed", "is -1; the allowed range is 0 to 4294967295"),
    ],
)
def test_a_program_of_the_wrong_types_is_refused(box: Any, program: Any, field: str, told: str) -> None:
    assert _refused(lambda: box.run(program)) == (field, told)


@pytest.mark.parametrize(
    ("limits", "field", "told"),
    [
        ({"wall_seconds": 1}, "limits", "{'wall_seconds': 1} is no Limits"),
        (Limits(memory_bytes=-5), "limits.memory_bytes", "is -5; the allowed range is above 0 to the server's maximum"),
        (Limits(open_files=-1), "limits.open_files", "is -1; the allowed range is 16 to the server's maximum"),
        (Limits(processes=1 << 32), "limits.processes", "is 4294967296; the allowed range is above 0 to the server's"),
        (Limits(memory_bytes=1e9), "limits.memory_bytes", "is 1000000000.0; a whole number is wanted"),  # type: ignore[arg-type]
        (Limits(wall_seconds="5"), "limits.wall_seconds", "is '5'; a number is wanted"),  # type: ignore[arg-type]
        (Limits(cpu_seconds=10**400), "limits.cpu_seconds", "is 1000"),
    ],
)
def test_limits_of_the_wrong_type_or_range_are_refused(box: Any, limits: Any, field: str, told: str) -> None:
    for call in (
        lambda: box.run("", limits=limits, deadline_seconds=5),
        lambda: list(box.run_many([""], limits=limits, deadline_seconds=5)),
        lambda: box.evaluate("", SUITE, limits=limits, deadline_seconds=5),
        lambda: list(box.evaluate_many([("", SUITE)], limits=limits, deadline_seconds=5)),
    ):
        named, said = _refused(call)
        assert named == field
        assert said.startswith(told)


@pytest.mark.parametrize(
    ("options", "field", "told"),
    [
        ({"collect": "out/*"}, "collect", "wants a sequence, got the one value 'out/*'"),
        ({"collect": [1]}, "collect", "1 is no string"),
        ({"isolation": "tepid"}, "isolation", "is 'tepid'; 'cold' and 'warm' are allowed"),
        ({"isolation": ["cold"]}, "isolation", "is ['cold']; 'cold' and 'warm' are allowed"),
        ({"deadline_seconds": "5"}, "deadline_seconds", "'5' is not a positive number"),
    ],
)
def test_options_of_the_wrong_types_are_refused(box: Any, options: Any, field: str, told: str) -> None:
    assert _refused(lambda: box.run("", **options)) == (field, told)


@pytest.mark.parametrize(
    ("suite", "options", "field", "told"),
    [
        ([Check("")], {}, "suite", "[Check(source='', name=''"),
        (Suite(3), {}, "suite.cases", "'int' object is not iterable"),  # type: ignore[arg-type]
        (Suite([Check("")], setup=3), {}, "suite.setup", "3 is neither str nor bytes"),  # type: ignore[arg-type]
        (Suite([Stdio("", 1)]), {}, "suite.cases[0].stdio", "1 is neither str nor bytes"),  # type: ignore[arg-type]
        (SUITE, {"case_seconds": "5"}, "case_seconds", "must be real number, not str"),
        (SUITE, {"fresh": "yes"}, "fresh", "'str' object cannot be interpreted as an integer"),
    ],
)
def test_a_suite_of_the_wrong_types_is_refused(box: Any, suite: Any, options: Any, field: str, told: str) -> None:
    named, said = _refused(lambda: box.evaluate("", suite, **options))
    assert named == field
    assert said.startswith(told)


@pytest.mark.parametrize("programs", ["print(1)", b"print(1)", Program("print(1)"), 3])
def test_one_program_in_the_place_of_many_is_refused(box: Any, programs: Any) -> None:
    field, told = _refused(lambda: list(box.run_many(programs, limits=LIMITS)))
    assert field == "programs"
    assert told.endswith("is one thing; an iterable of many is wanted")


@pytest.mark.parametrize("pairs", ["print(1)", SUITE])
def test_one_thing_in_the_place_of_many_pairs_is_refused(box: Any, pairs: Any) -> None:
    field, told = _refused(lambda: list(box.evaluate_many(pairs, limits=LIMITS)))
    assert field == "pairs"
    assert told.endswith("is one thing; an iterable of many is wanted")


async def test_one_program_in_the_place_of_many_is_refused_on_asyncio() -> None:
    async with AsyncSandbox(NOWHERE) as box:
        for programs in ("print(1)", b"print(1)", Program("print(1)"), 3):
            with pytest.raises(InvalidRequestError, match=r"programs: .* is one thing"):
                await anext(aiter(box.run_many(programs, limits=LIMITS)))  # type: ignore[arg-type]
        with pytest.raises(InvalidRequestError, match=r"pairs: .* is one thing"):
            await anext(aiter(box.evaluate_many("print(1)", limits=LIMITS)))  # type: ignore[arg-type]


def test_many_that_come_asynchronously_are_refused_by_who_can_not_wait_for_them(box: Any) -> None:
    async def programs() -> AsyncIterator[str]:
        yield ""

    assert _refused(lambda: list(box.run_many(programs(), limits=LIMITS)))[0] == "programs"


@pytest.mark.parametrize("item", ["print(1)", ("print(1)",), ("print(1)", SUITE, SUITE), SUITE])
def test_what_is_no_pair_is_refused_by_its_index(box: Any, item: Any) -> None:
    errors: list[InvalidRequestError] = []
    assert list(box.evaluate_many([item], limits=LIMITS, on_error=errors.append)) == []
    (error,) = errors
    assert error.index == 0
    assert error.violations[0].field == "pairs"


@pytest.mark.parametrize("in_flight", [0, -1, "many"])
def test_a_flight_that_nothing_fits_into_is_refused(box: Any, in_flight: Any) -> None:
    assert _refused(lambda: list(box.run_many([], limits=LIMITS, in_flight=in_flight)))[0] == "in_flight"


@pytest.mark.parametrize(
    ("settings", "field"), [({"queue_size": 3}, "settings.queue_size"), (["queue_size"], "settings")]
)
def test_settings_that_no_environment_could_hold_are_refused(settings: Any, field: str) -> None:
    assert _refused(lambda: Sandbox.local(settings=settings))[0] == field
