"""What one suite's test code does to its judge does nothing to the suite that is judged there next."""

from collections.abc import Iterator

import pytest

from trialbox.client import Check, Sandbox, Suite, Trust, Verdict

HONEST = "def square_perimeter(a):\n    return 4 * a\n"
WRONG = "def square_perimeter(a):\n    return -1\n"
# Each has another one of Python's functions answer True from then on, as far as it gets.
POISONS = {
    "all": "g = (n for n in [1])\nd = g.gi_frame.f_builtins\nd['all'] = lambda numbers: True\n",
    "min": "for __builtins__ in []: pass\n__builtins__.setattr(__builtins__, 'min', lambda numbers: True)\n",
    "max": "for __builtins__ in []: pass\n__builtins__.exec('import builtins; builtins.max = lambda numbers: True')\n",
}


@pytest.fixture(scope="module")
def one_judge() -> Iterator[Sandbox]:
    """A server whose judge of one suite is that of the next; of its own, for the sake of other tests."""
    with Sandbox.local(slots=1, settings={"spare_slots": "0"}) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", POISONS)
def test_a_function_that_one_suite_replaces_is_there_for_the_next(one_judge: Sandbox, name: str) -> None:
    poison = Suite([Check(POISONS[name] + "assert square_perimeter(1) == 4")])
    assert one_judge.evaluate(HONEST, poison).cases[0].trust is Trust.SEPARATED, "it has run in the judge"
    suite = Suite([Check(f"assert {name}([square_perimeter(1) == 4])")])
    for source, verdict in ((WRONG, Verdict.FAILED), (HONEST, Verdict.PASSED)):
        (case,) = one_judge.evaluate(source, suite).cases
        assert case.verdict is verdict, case
