"""Hostile programs do harm where nothing holds them, so that it says something when they do none in a jail."""

import os
from collections.abc import Callable, Iterator

import attacks
import pytest
from attacks import Attack

if os.environ.get("DISPOSABLE_MACHINE") != "1":
    pytest.skip("runs programs as root that do harm: make test-hostility does, in a machine", allow_module_level=True)

SHOWN = [attack for attack in attacks.attacks() if not attack.program.never_outside]


@pytest.fixture(autouse=True)
def _neighbours_are_unharmed() -> None:
    """No jail is in use."""


@pytest.fixture(scope="module")
def show() -> Iterator[Callable[[Attack], str]]:
    """Runs an attack where nothing holds it."""
    with attacks.harmless_world() as show:
        yield show


@pytest.mark.parametrize("attack", SHOWN, ids=lambda attack: attack.name)
def test_where_nothing_holds_it_it_does_harm(show: Callable[[Attack], str], attack: Attack) -> None:
    told = show(attack)
    if {"held: ENOSYS", "held: ENOTSUP"} & set(told.splitlines()):
        pytest.skip("this kernel has no such call, or not on such files")
    assert attacks.did_harm(told), told


def test_nearly_all_can_be_shown_to_do_harm() -> None:
    assert len(SHOWN) >= 0.9 * len(attacks.attacks())
