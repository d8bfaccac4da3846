"""Hostile programs of every class do no harm in a jail, and their victim beside it notices nothing.

They run at once, beside honest ones, on one server; those that look for what others left, on one with one slot.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import attacks
import neighbours
import pyseccomp
import pytest
from attacks import Attack
from escape.hostile import tools
from escape.hostile.tools import Victim
from executions import Run

from trialbox.client import Execution, Outcome

ATTACKS = attacks.attacks()
AT_ONCE = 4


@pytest.fixture(autouse=True)
def _neighbours_are_unharmed() -> None:
    """See `executions`."""


@pytest.fixture(scope="module")
def victim() -> Iterator[tuple[Victim, Callable[[], list[str]]]]:
    """One for all programs: none of them finds it."""
    with attacks.standing_victim() as standing:
        yield standing


@pytest.fixture(scope="module")
def executions(
    request: pytest.FixtureRequest,
    run: Run,
    run_on_one_slot: Run,
    victim: tuple[Victim, Callable[[], list[str]]],
    isolation_path: str,
) -> dict[str, Future[Execution]]:
    """How all programs ended of which there are tests, by name."""
    asked_for: list[Attack] = [
        attack
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.function is test_in_a_jail_it_does_no_harm
        and item.callspec.params["isolation_path"] == isolation_path
        and isinstance(attack := item.callspec.params["attack"], Attack)
    ]
    with neighbours.unharmed(run), ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(1) as one_by_one:
        return {
            attack.name: one_by_one.submit(attacks.run_in_jail, run_on_one_slot, attack, victim[0])
            if attack.program.after
            else pool.submit(attacks.run_in_jail, run, attack, victim[0])
            for attack in asked_for
        }


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_in_a_jail_it_does_no_harm(executions: dict[str, Future[Execution]], attack: Attack) -> None:
    execution = executions[attack.name].result()
    assert execution.outcome.value in attack.program.ends, execution
    if execution.outcome is Outcome.SUCCEEDED:
        assert execution.stdout.lstrip().startswith(tools.HELD.encode()), execution


def test_the_victim_of_all_of_them_noticed_nothing(
    executions: dict[str, Future[Execution]], victim: tuple[Victim, Callable[[], list[str]]]
) -> None:
    _, what_was_done_to_it = victim
    assert what_was_done_to_it() == []


def test_there_are_at_least_a_hundred_programs_of_every_class_some() -> None:
    by_class = {attack.module for attack in ATTACKS}
    assert len(ATTACKS) >= 100
    assert by_class == {module.__name__.rpartition(".")[2] for module in attacks.CLASSES}


def test_the_numbers_of_the_calls_they_make_are_right() -> None:
    for place, architecture in enumerate((pyseccomp.Arch.X86_64, pyseccomp.Arch.AARCH64)):
        for name, numbers in tools.NUMBERS.items():
            assert pyseccomp.resolve_syscall(architecture, name) == numbers[place], name
