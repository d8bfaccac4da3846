"""What a caller may ask for."""

import pytest

from trialbox.client import Call, Comparator


@pytest.mark.parametrize(("options", "given"), [({}, "neither"), ({"expected": None, "oracle": ""}, "both")])
def test_a_call_needs_either_an_expected_value_or_an_oracle(options: dict[str, object], given: str) -> None:
    with pytest.raises(TypeError, match=f"Call of 'f' needs either expected or oracle, and {given} was given"):
        Call("f", **options)  # type: ignore[arg-type]


def test_none_is_an_expected_value_like_any_other() -> None:
    assert Call("f", expected=None).expected is None


def test_an_oracle_stands_for_the_expected_value() -> None:
    call = Call("f", (1,), oracle="def f(n): return n", comparator=Comparator.EVALPLUS)
    assert (call.oracle, call.comparator, call.shared) == ("def f(n): return n", "EVALPLUS", False)
