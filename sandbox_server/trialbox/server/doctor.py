"""Probes the isolation layers without serving."""

import asyncio

from trialbox.server import user_namespace
from trialbox.server.layers import Layer
from trialbox.server.sandbox import Sandbox
from trialbox.server.settings import Settings


def probe_layers(settings: Settings) -> list[Layer]:
    """Start a sandbox with one slot, try every layer, and stop; raises CannotServeError and InvalidSettingsError."""
    user_namespace.enter_where_needed()
    chosen = settings.model_copy(update={"slots": 1, "spare_slots": 0})

    async def probe() -> list[Layer]:
        sandbox = Sandbox(chosen)
        await sandbox.start()
        await sandbox.stop()
        return sandbox.layers

    return asyncio.run(probe())
