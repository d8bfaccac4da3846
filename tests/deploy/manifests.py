"""The manifests as kubectl renders them."""

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "k8s"
TOOLS = ROOT / ".tools" / "kubernetes"
SECCOMP_PROFILE = KUBERNETES / "components/profiles/seccomp.json"
INSTALLED = (TOOLS / "up-to-date").exists()

OVERLAYS = sorted(folder.name for folder in (KUBERNETES / "overlays").iterdir())
SERVERS = [name for name in OVERLAYS if name != "node-profiles"]
COMPONENTS = sorted(folder.name for folder in (KUBERNETES / "components").iterdir())


def rendered(folder: Path) -> str:
    """What `kubectl kustomize` makes of a folder."""
    command = [str(TOOLS / "kubectl"), "kustomize", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@functools.cache
def overlay(name: str) -> str:
    """An overlay, rendered."""
    return rendered(KUBERNETES / "overlays" / name)


class Manifests:
    """The documents of one rendering, by kind."""

    def __init__(self, text: str) -> None:
        self.documents: list[dict[str, Any]] = list(yaml.safe_load_all(text))

    @classmethod
    def of(cls, name: str) -> "Manifests":
        """An overlay's."""
        return cls(overlay(name))

    def only(self, kind: str) -> dict[str, Any]:
        """The one of this kind."""
        (document,) = (document for document in self.documents if document["kind"] == kind)
        return document

    @property
    def pod(self) -> dict[str, Any]:
        """What the server's pods are."""
        pod: dict[str, Any] = self.only("Deployment")["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> dict[str, Any]:
        """The server's."""
        (container,) = self.pod["containers"]
        return dict(container)

    @property
    def settings(self) -> dict[str, str]:
        """The variables that the server is given."""
        return dict(self.only("ConfigMap")["data"])

    @property
    def waived_layers(self) -> list[str]:
        """By name."""
        names: list[str] = json.loads(self.settings.get("TRIALBOX_WAIVED_LAYERS", "[]"))
        return sorted(names)


def with_components(base: str, names: list[str], folder: Path) -> Manifests:
    """An overlay with further components, as a user would write it."""
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [_relative(KUBERNETES / "overlays" / base, folder)],
        "components": [_relative(KUBERNETES / "components" / name, folder) for name in names],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return Manifests(rendered(folder))


def _relative(path: Path, folder: Path) -> str:
    # kustomize takes no other paths.
    up = "/".join(".." for _ in folder.resolve().parts[1:])
    return f"{up}{path.resolve()}"
