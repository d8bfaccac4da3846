"""Set-up for tests of the server's parts that need no jail."""

import importlib
import sys
from collections.abc import AsyncIterator

import hypothesis
import pytest
import pytest_asyncio
from pool_stage import Stage

from trialbox.server import pool
from trialbox.v1 import values

# In a jail the guest's modules lie in one folder and name each other without a package: here each by what it needs.
sys.modules.setdefault("values", values)
for _name in (
    *("frames", "channel", "comparators", "briefs", "program", "mirror", "stubs"),
    *("trust_known", "trust_traces", "trust_names", "trust_calls", "trust_expressions", "trust"),
    *("plain", "judge", "judging", "answering"),
):
    sys.modules.setdefault(_name, importlib.import_module(f"trialbox.server.guest.{_name}"))

# A busy machine must fail no test.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest_asyncio.fixture
async def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """One slot and room for two more, or what the test asks for."""
    monkeypatch.setattr(pool, "_RENEW_PAUSE_SECONDS", 0)
    made = Stage(*getattr(request, "param", (1, 2)))
    await made.pool.start()
    yield made
    await made.close()
