"""A host that lacks cgroups: nothing is served unless the operator accepts it, and then truthfully."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hosts
import pytest

from trialbox.client import LayerState, Limits, Outcome, Sandbox, UnavailableError

MIB = 1 << 20
CGROUP_LAYERS = ("cpu_accounting", "memory_limit", "process_limit")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    settings = {"WAIVED_LAYERS": json.dumps(CGROUP_LAYERS), "SLOTS": "1"}
    with hosts.serving(settings, prefix=hosts.WITHOUT_CGROUPS) as server, Sandbox(server.address) as sandbox:
        yield sandbox


def test_a_server_without_cgroups_serves_nothing_and_names_the_layers_and_the_mend(tmp_path: Path) -> None:
    log = tmp_path / "log"
    logged = ("sh", "-c", f'exec "$@" 2> {log}', "sh")
    command = [*logged, *hosts.WITHOUT_CGROUPS, sys.executable, "-m", "trialbox.server"]
    with hosts.standing_alone({"SLOTS": "1"}, command=command) as server, Sandbox(server.address, retry=False) as box:
        assert server.health() == "NOT_SERVING"
        with pytest.raises(UnavailableError) as raised:
            box.run("print(1)")
        told = {layer.name: layer for layer in box.server_info().layers}
        for layer in CGROUP_LAYERS:
            assert f"{layer}: no cgroup mount offers it" in str(raised.value)
            assert f"""TRIALBOX_WAIVED_LAYERS='["{layer}"]'""" in str(raised.value)
            assert told[layer].state is LayerState.OFF
            assert told[layer].remedy
    said = [json.loads(line) for line in log.read_text().splitlines()]
    missing = [line["layer"] for line in said if line["event"] == "layer_missing" and line["remedy"]]
    assert sorted(missing) == list(CGROUP_LAYERS)
    assert [line["event"] for line in said if line["event"] != "layer_missing"] == [
        "not_serving",
        "stopping",
        "stopped",
    ]


def test_a_layer_that_does_not_exist_can_not_be_waived() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "trialbox.server"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "TRIALBOX_WAIVED_LAYERS": '["memory"]', "TRIALBOX_SLOTS": "1"},
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    assert "'memory' is no layer" in run.stderr
    assert "memory_limit" in run.stderr


def test_every_answer_names_the_waived_layers(box: Sandbox) -> None:
    execution = box.run("print(1)")
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"1\n")
    assert sorted(execution.isolation.waived_layers) == list(CGROUP_LAYERS)


def test_a_busy_loop_is_ended_for_its_cpu_time_by_the_kernel_alone(box: Sandbox) -> None:
    execution = box.run("while True: pass", limits=Limits(cpu_seconds=1, wall_seconds=20))
    assert execution.outcome is Outcome.CPU_TIME_EXCEEDED
    # The kernel goes by timer ticks here, which on a busy machine run ahead of what it reports.
    assert execution.usage.user_cpu_seconds + execution.usage.system_cpu_seconds >= 0.5


def test_cpu_time_is_that_of_the_whole_tree_waited_for(box: Sandbox) -> None:
    source = """
import os, time
if os.fork() == 0:
    while time.process_time() < 0.3: pass
    os._exit(0)
os.wait()
"""
    execution = box.run(source)
    assert execution.outcome is Outcome.SUCCEEDED
    assert execution.usage.user_cpu_seconds + execution.usage.system_cpu_seconds >= 0.3


def test_memory_is_bounded_by_process(box: Sandbox) -> None:
    execution = box.run("bytearray(100 << 20)", limits=Limits(memory_bytes=64 * MIB))
    assert execution.outcome is Outcome.FAILED
    assert execution.exception is not None
    assert execution.exception.type == "MemoryError"


def test_processes_are_bounded_by_user(box: Sandbox) -> None:
    source = """
import os
try:
    while True:
        if os.fork() == 0: os.read(os.pipe()[0], 1)
except BlockingIOError as error:
    print(error.errno)
"""
    execution = box.run(source, limits=Limits(processes=16, wall_seconds=20))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"11\n")
