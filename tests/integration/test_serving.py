"""What a server says when it begins to serve."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest


def _said_by(address: str) -> list[dict[str, Any]]:
    """All that a server at this address logs until it serves."""
    said: list[dict[str, Any]] = []
    environment = {**os.environ, "TRIALBOX_ADDRESS": address, "TRIALBOX_SLOTS": "1", "TRIALBOX_SPARE_SLOTS": "0"}
    environment["TRIALBOX_ALLOW_PLAINTEXT"] = "true"
    with subprocess.Popen([sys.executable, "-m", "trialbox.server"], env=environment, stderr=subprocess.PIPE) as server:
        assert server.stderr
        for line in server.stderr:
            said.append(json.loads(line))
            if said[-1]["event"] == "serving":
                break
        server.terminate()
        server.stderr.read()
    assert server.returncode == 0
    return said


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_a_server_that_other_machines_reach_warns_that_it_asks_for_no_credentials(address: str) -> None:
    warning, serving = _said_by(address)
    assert (warning["level"], warning["event"], warning["address"]) == ("warning", "no_authentication", address)
    assert serving["address"] == address


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0", "[::1]:0", "unix:{folder}/socket"])
def test_a_server_that_only_this_machine_reaches_does_not(address: str, tmp_path: os.PathLike[str]) -> None:
    (serving,) = _said_by(address.format(folder=tmp_path))
    assert serving["level"] == "info"
