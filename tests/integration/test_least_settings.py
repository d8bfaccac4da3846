"""A server that is told to give programs next to nothing still probes its layers, and says what programs met."""

import json

import hosts

from trialbox.client import LayerState, Limits, Outcome, Sandbox
from trialbox.server.settings import MINIMUM_TOTAL_MEMORY_BYTES


def test_however_little_programs_get_by_default_every_layer_is_found() -> None:
    least = {"wall_seconds": 0.001, "cpu_seconds": 0.001, "memory_bytes": 4096, "processes": 1, "output_bytes": 1}
    with hosts.serving({"SLOTS": "1", "DEFAULT_LIMITS": json.dumps(least)}) as server, Sandbox(server.address) as box:
        assert {layer.state for layer in box.server_info().layers} == {LayerState.ON}
        execution = box.run("print(1)", limits=Limits(wall_seconds=10, cpu_seconds=10, output_bytes=99))
        assert execution.outcome is Outcome.MEMORY_EXCEEDED


def test_the_least_memory_that_all_programs_may_have_is_enough_to_serve() -> None:
    settings = {"SLOTS": "2", "TOTAL_MEMORY_BYTES": str(MINIMUM_TOTAL_MEMORY_BYTES)}
    with hosts.serving(settings) as server, Sandbox(server.address) as box:
        assert box.server_info().maximum_limits.memory_bytes == MINIMUM_TOTAL_MEMORY_BYTES
        assert box.run("print(1)").stdout == b"1\n"
