"""Only test code that leaves nothing behind for other suites runs in the judge's own process."""

import ast
import importlib

import pytest

plain = importlib.import_module("trialbox.server.guest.plain")

PLAIN = (
    "assert f(1) == 4",
    "def check(candidate):\n    for n in range(3):\n        assert abs(candidate(n) - n) < 1e-6\ncheck(f)",
    "import math\nassert math.isclose(f(1), math.pi)",
    "xs = [3, 1]\nxs.sort()\nassert f(xs) == [y for y in xs if y]",
    "try:\n    f(0)\nexcept ValueError:\n    pass\nelse:\n    assert False",
)
# Each is judged apart from the program, and would have another of Python's functions from then on.
POISONS = (
    "for __builtins__ in []: pass\n__builtins__.setattr(__builtins__, 'len', 5)\nf(1)",
    "for __loader__ in []: pass\n__loader__.load_module\nf(1)",
    "g = (n for n in [1])\nd = g.gi_frame.f_builtins\nd['all'] = lambda numbers: True\nf(1)",
    "import builtins\nbuiltins.sum = 5\nf(1)",
    "setattr(f, 'x', 1)",
    "class A: pass\nf(1)",
    "def g():\n    global len\n    len = 5\nf(1)",
)


@pytest.mark.parametrize("source", PLAIN)
def test_common_test_code_is_plain(source: str) -> None:
    assert plain.is_plain(ast.parse(source))


@pytest.mark.parametrize("source", POISONS)
def test_a_poison_is_not(source: str) -> None:
    assert not plain.is_plain(ast.parse(source))
