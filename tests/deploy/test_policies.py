"""The manifests are what Kubernetes takes, and a policy scanner finds nothing in them but what is meant."""

import json
import subprocess
from pathlib import Path
from typing import Any

import manifests
import pytest
import yaml
from manifests import OVERLAYS, TOOLS, Manifests, with_components

pytestmark = pytest.mark.skipif(not manifests.INSTALLED, reason="the tools are not there: make kubernetes-tools")

OLDEST, NEWEST = "1.33.0", "1.37.0"
FOREIGN = {"Certificate", "ScaledObject", "ServiceMonitor"}
"""Kinds that are not Kubernetes' own, for which it has no schema."""

ROOT_OF_A_NAMESPACE = "the server sets up namespaces as root of one"
SERVER_RULES = {
    "CKV_K8S_23": ROOT_OF_A_NAMESPACE,
    "CKV_K8S_25": "capabilities that the tier needs; test_manifests.py has which",
    "CKV_K8S_29": ROOT_OF_A_NAMESPACE,
    "CKV_K8S_31": "the rule knows the runtime's profile only; ours is on the node",
    "CKV_K8S_43": "who builds the image knows its digest",
}
NODES_ROOT = {"CKV_K8S_40": "root of the node, unlike in the tier userns"}
EXPECTED = {
    "default": SERVER_RULES,
    "delegated": SERVER_RULES,
    "capabilities": SERVER_RULES | NODES_ROOT | {"CKV_K8S_39": "what the tier is about"},
    "development": {rule: why for rule, why in SERVER_RULES.items() if rule != "CKV_K8S_25"}
    | NODES_ROOT
    | {
        **dict.fromkeys(("CKV_K8S_16", "CKV_K8S_20", "CKV_K8S_28", "CKV_K8S_37"), "privileged, for development only"),
        "CKV_K8S_15": "the image is loaded into the node by hand",
    },
    "node-profiles": {
        **dict.fromkeys(("CKV_K8S_8", "CKV_K8S_9"), "it serves nothing that could be probed"),
        **dict.fromkeys(("CKV_K8S_23", "CKV_K8S_29", "CKV_K8S_40"), "the node's folders are its root's"),
        "CKV_K8S_25": "MAC_ADMIN loads profiles",
        "CKV_K8S_43": "who builds the image knows its digest",
    },
}
"""What the scanner complains of, and why it is so."""


def assert_valid(documents: list[dict[str, Any]], folder: Path) -> None:
    own = [document for document in documents if document["kind"] not in FOREIGN]
    file = folder / "documents.yaml"
    file.write_text(yaml.safe_dump_all(own))
    for version in (OLDEST, NEWEST):
        command = [
            str(TOOLS / "validate/bin/kubernetes-validate"),
            "--strict",
            "--kubernetes-version",
            version,
            str(file),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count(" passed for ") + done.stderr.count(" passed for ") == len(own)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_overlay_is_valid_for_the_oldest_and_the_newest_kubernetes(name: str, tmp_path: Path) -> None:
    assert_valid(Manifests.of(name).documents, tmp_path)


def test_so_is_the_default_with_all_that_goes_with_it(tmp_path: Path) -> None:
    names = ["gvisor", "hpa", "servicemonitor", "tls"]
    rendered = with_components("default", names, tmp_path)
    assert {document["kind"] for document in rendered.documents} >= FOREIGN - {"ScaledObject"}
    assert_valid(rendered.documents, tmp_path)


def test_a_field_that_kubernetes_does_not_know_is_found(tmp_path: Path) -> None:
    documents = Manifests.of("default").documents
    (deployment,) = (document for document in documents if document["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["hostUser"] = False
    with pytest.raises(AssertionError, match="hostUser"):
        assert_valid(documents, tmp_path)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The scanner's rules that each overlay breaks."""
    folder = tmp_path_factory.mktemp("overlays")
    for name in OVERLAYS:
        (folder / f"{name}.yaml").write_text(manifests.overlay(name))
    command = [
        str(TOOLS / "checkov/bin/checkov"),
        "--directory",
        str(folder),
        "--framework",
        "kubernetes",
        "--output",
        "json",
    ]
    options = ["--skip-download", "--quiet", "--compact"]
    told = json.loads(subprocess.run([*command, *options], capture_output=True, check=False).stdout)
    assert told["summary"]["parsing_errors"] == 0
    found: dict[str, set[str]] = {name: set() for name in OVERLAYS}
    for check in told["results"]["failed_checks"]:
        found[Path(check["file_path"]).stem].add(check["check_id"])
    return found


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_policy_scanner_finds_what_is_meant_and_nothing_else(name: str, findings: dict[str, set[str]]) -> None:
    assert findings[name] == EXPECTED[name].keys()
