"""A light install brings three packages, works at both ends of the allowed versions, and stays light."""

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HEAVY = {
    "trialbox.server",
    "trialbox.synthesis",
    "trialbox.cli",
    "torch",
    "numpy",
    "typer",
    "rich",
    "pydantic",
    "opentelemetry",
}
PINS = {"grpcio": "1.74.0", "protobuf": "6.31.1"}

RunPython = Callable[..., str]


@pytest.mark.needs_index
def test_a_light_install_brings_three_packages_and_what_they_need(light_python: Path, run_python: RunPython) -> None:
    names = "import importlib.metadata as m, json; print(json.dumps([d.metadata['Name'] for d in m.distributions()]))"
    installed = {name.replace("_", "-") for name in json.loads(run_python(light_python, "-c", names))}
    # typing-extensions is grpcio's own need.
    assert installed - {"typing-extensions"} == {"trialbox", "grpcio", "protobuf", "googleapis-common-protos"}


@pytest.mark.needs_index
def test_messages_and_calls_work_at_both_ends_of_the_allowed_versions(
    light_python: Path, run_python: RunPython, request: pytest.FixtureRequest
) -> None:
    grpcio, protobuf = run_python(light_python, HERE / "wire_round_trip.py").split()
    if request.node.callspec.params["light_python"] == "lowest":
        assert {"grpcio": grpcio, "protobuf": protobuf} == PINS
    else:
        newest_tested = importlib.metadata.version("grpcio")
        assert tuple(map(int, grpcio.split(".")[:2])) >= tuple(map(int, newest_tested.split(".")[:2]))


@pytest.mark.needs_index
def test_the_sdk_imports_from_a_light_install(light_python: Path, run_python: RunPython) -> None:
    run_python(light_python, "-c", "import trialbox.client, trialbox.client.conformance")


@pytest.mark.needs_index
def test_the_command_says_how_to_get_it_in_a_light_install(light_python: Path) -> None:
    ended = subprocess.run([light_python.with_name("trialbox")], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "pip install 'trialbox[cli]'" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("module", ["trialbox.client", "trialbox.v1"])
def test_importing_it_loads_nothing_heavy_even_where_all_is_installed(module: str, run_python: RunPython) -> None:
    loaded = run_python(sys.executable, "-c", f"import {module}, sys; print(*sys.modules)").split()
    assert module in loaded
    assert HEAVY.isdisjoint(loaded)


def test_the_contract_alone_loads_no_grpc(run_python: RunPython) -> None:
    loaded = run_python(sys.executable, "-c", "import trialbox.v1, sys; print(*sys.modules)").split()
    assert "grpc" not in loaded
