"""The server's container of an overlay, run by pod.py in place of a container runtime."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hosts
import manifests
from manifests import Manifests

_POD = Path(__file__).with_name("pod.py")
_SECONDS = 300  # enough for an emulated machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The server's, of an overlay."""

    overlay: str
    folder: Path
    """Where to write what pod.py reads."""
    options: tuple[str, ...] = ()
    """pod.py's."""
    settings: dict[str, str] = field(default_factory=dict)
    """In place of the overlay's."""

    def doctor(self) -> dict[str, Any]:
        """What `trialbox doctor` says there."""
        done = subprocess.run(
            self._command("doctor --json"),
            capture_output=True,
            text=True,
            env=self._environment(),
            timeout=_SECONDS,
            check=False,
        )
        assert done.stdout, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Serve at a socket that this process reaches, and end in good order."""
        environment = self._environment() | {"TRIALBOX_ADDRESS": "unix:/tmp/socket"}
        with subprocess.Popen(self._command("serve"), env=environment) as pod:
            try:
                hosts.eventually(lambda: _sockets(pod.pid), "the server listens", seconds=_SECONDS)
                yield f"unix:{_sockets(pod.pid)[0]}"
            finally:
                pod.terminate()
            assert pod.wait(_SECONDS) == 0

    def _command(self, command: str) -> list[str]:
        rendered = Manifests.of(self.overlay)
        deployment = self.folder / f"{self.overlay}.json"
        deployment.write_text(json.dumps(rendered.only("Deployment")))
        container = rendered.container
        words = ["trialbox", *command.split()]
        if "command" in container:
            (script,) = container["args"]
            words = [*container["command"], script.replace("trialbox serve", f"trialbox {command}")]
        pod = [sys.executable, str(_POD), str(deployment), str(manifests.SECCOMP_PROFILE)]
        return [*pod, *self.options, "--", *words]

    def _environment(self) -> dict[str, str]:
        own = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return Manifests.of(self.overlay).settings | self.settings | own


def _sockets(pod: int) -> list[Path]:
    places = (Path(f"/proc/{process.pid}/root/tmp/socket") for process in hosts.descendants(pod))
    return [place for place in places if place.exists()]


def states(doctor: dict[str, Any]) -> dict[str, str]:
    """What `trialbox doctor` said of each layer."""
    return {layer["name"]: layer["state"] for layer in doctor["layers"]}
