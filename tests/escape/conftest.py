"""Every attack runs beside honest programs, which must not notice."""

from collections.abc import Iterator

import neighbours
import pytest
from executions import Run


@pytest.fixture(autouse=True)
def _neighbours_are_unharmed(run: Run) -> Iterator[None]:
    with neighbours.unharmed(run):
        yield
