"""Processor time is told as the kernel counted it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.supervisor import divided

_seconds = st.integers(min_value=0, max_value=10**15).map(lambda nanoseconds: nanoseconds / 1e9)


@given(_seconds, _seconds, _seconds)
def test_processor_time_is_divided_as_its_parts_are_and_none_is_lost(total: float, user: float, system: float) -> None:
    parts = divided(total, user, system)
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(total)
    if user + system:
        assert parts[0] * (user + system) == pytest.approx(total * user)
