"""What the manifests promise, field by field."""

import os
import re
from pathlib import Path

import manifests
import pytest
from manifests import KUBERNETES, OVERLAYS, ROOT, SERVERS, Manifests, rendered, with_components

from trialbox.server.layers import CGROUPS
from trialbox.server.settings import Settings, load

pytestmark = pytest.mark.skipif(not manifests.INSTALLED, reason="kubectl is not there: make kubernetes-tools")

OPTIONAL = ["gvisor", "hpa", "keda", "no-apparmor", "servicemonitor", "tls"]
CLUSTER_WIDE = {"Namespace", "RuntimeClass"}
MIB = 1 << 20
OWN_BYTES = 512 * MIB
"""What the server, the launchers and the jails that stand ready take, which no setting bounds."""


def size(quantity: str) -> int:
    units = {"Mi": MIB, "Gi": 1024 * MIB}
    return int(quantity[:-2]) * units[quantity[-2:]]


@pytest.fixture
def default() -> Manifests:
    return Manifests.of("default")


def loaded(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The server's own reading of these variables."""
    for name in [name for name in os.environ if name.startswith("TRIALBOX_")]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return load()


def test_no_container_of_the_default_is_privileged(default: Manifests) -> None:
    context = default.container["securityContext"]
    assert context["privileged"] is False
    assert context["allowPrivilegeEscalation"] is False
    assert "initContainers" not in default.pod


def test_the_default_has_a_user_namespace_of_its_own(default: Manifests) -> None:
    assert default.pod["hostUsers"] is False


def test_the_default_drops_all_capabilities_and_adds_two_at_most(default: Manifests) -> None:
    capabilities = default.container["securityContext"]["capabilities"]
    assert capabilities["drop"] == ["ALL"]
    assert set(capabilities["add"]) <= {"SETUID", "SETGID"}


def test_the_default_sees_nothing_of_the_node(default: Manifests) -> None:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        assert not default.pod.get(name)
    assert all(volume.keys() <= {"name", "emptyDir"} for volume in default.pod["volumes"])
    assert all("hostPort" not in port for port in default.container["ports"])


def test_the_defaults_profiles_are_the_ones_that_are_installed(default: Manifests) -> None:
    context = default.container["securityContext"]
    assert context["seccompProfile"] == {"type": "Localhost", "localhostProfile": "profiles/trialbox.json"}
    assert context["appArmorProfile"] == {"type": "Localhost", "localhostProfile": "trialbox"}
    installer = (KUBERNETES / "components/profiles/install.sh").read_text()
    assert "/node/seccomp/profiles/trialbox.json" in installer
    profile = (KUBERNETES / "components/profiles/apparmor.profile").read_text()
    assert "\nprofile trialbox " in profile


def test_the_default_passes_the_baseline_of_pod_security(default: Manifests) -> None:
    assert default.only("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"


def test_layers_that_the_default_cannot_have_are_waived_by_name(default: Manifests) -> None:
    assert default.waived_layers == sorted(CGROUPS)


@pytest.mark.parametrize("name", ["capabilities", "delegated", "development"])
def test_where_control_groups_can_be_had_no_layer_is_waived(name: str) -> None:
    assert Manifests.of(name).waived_layers == []


@pytest.mark.parametrize("name", SERVERS)
def test_no_pod_has_a_token_or_variables_of_services(name: str) -> None:
    rendered = Manifests.of(name)
    assert rendered.pod["automountServiceAccountToken"] is False
    assert rendered.only("ServiceAccount")["automountServiceAccountToken"] is False
    assert rendered.pod["serviceAccountName"] == rendered.only("ServiceAccount")["metadata"]["name"]
    assert rendered.pod["enableServiceLinks"] is False
    assert not [document for document in rendered.documents if "Role" in document["kind"]]


@pytest.mark.parametrize("name", SERVERS)
def test_the_root_is_read_only(name: str) -> None:
    assert Manifests.of(name).container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("name", [name for name in SERVERS if name != "development"])
def test_only_the_tier_for_development_is_privileged(name: str) -> None:
    context = Manifests.of(name).container["securityContext"]
    assert (context["privileged"], context["allowPrivilegeEscalation"]) == (False, False)
    assert context["capabilities"]["drop"] == ["ALL"]
    assert context["seccompProfile"]["type"] == "Localhost"


def test_the_privileged_tier_says_that_it_is_for_development_only() -> None:
    assert Manifests.of("development").container["securityContext"]["privileged"] is True
    for place in ("components/tier-privileged", "overlays/development"):
        assert "FOR DEVELOPMENT ONLY" in (KUBERNETES / place / "kustomization.yaml").read_text()


@pytest.mark.parametrize("name", SERVERS)
def test_every_setting_is_one_that_the_server_knows_and_reads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Manifests.of(name).settings
    assert {variable.removeprefix("TRIALBOX_").lower() for variable in settings} <= Settings.model_fields.keys()
    loaded(settings, monkeypatch)


@pytest.mark.parametrize("name", SERVERS)
def test_a_pod_may_end_no_sooner_than_its_longest_program(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = Manifests.of(name)
    settings = loaded(rendered.settings, monkeypatch)
    assert settings.stop_grace_seconds >= settings.maximum_limits.wall_seconds
    wait = rendered.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert rendered.pod["terminationGracePeriodSeconds"] > wait + settings.stop_grace_seconds


@pytest.mark.parametrize("name", SERVERS)
def test_requests_are_limits_and_hold_all_that_may_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = Manifests.of(name)
    resources = rendered.container["resources"]
    assert resources["requests"] == resources["limits"]
    settings = loaded(rendered.settings, monkeypatch)
    assert int(resources["limits"]["cpu"]) == settings.slots
    judges = (settings.slots + settings.spare_slots) * settings.judge_memory_bytes
    assert settings.total_memory_bytes is not None
    used = settings.total_memory_bytes + judges + settings.suite_cache_bytes + OWN_BYTES
    assert used <= size(resources["limits"]["memory"])


@pytest.mark.parametrize("name", SERVERS)
def test_probes_ask_where_health_is_told_and_a_missing_layer_restarts_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = Manifests.of(name)
    address = loaded(rendered.settings, monkeypatch).health_address
    assert address is not None
    port = int(address.rpartition(":")[2])
    container = rendered.container
    assert container["readinessProbe"]["grpc"] == {"port": port}
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["grpc"] == {"port": port, "service": "liveness"}


@pytest.mark.parametrize("name", SERVERS)
def test_nothing_goes_out_and_only_clients_and_prometheus_come_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = Manifests.of(name)
    policy = rendered.only("NetworkPolicy")["spec"]
    assert policy["podSelector"] == {}
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert policy["egress"] == []
    settings = loaded(rendered.settings, monkeypatch)
    assert settings.metrics_address is not None
    clients = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"trialbox-client": "true"}}}
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert policy["ingress"] == [
        {"from": [clients], "ports": [{"port": int(settings.address.rpartition(":")[2]), "protocol": "TCP"}]},
        {
            "from": [monitoring],
            "ports": [{"port": int(settings.metrics_address.rpartition(":")[2]), "protocol": "TCP"}],
        },
    ]


@pytest.mark.parametrize("name", SERVERS)
def test_service_budget_and_spread_select_the_pods(name: str) -> None:
    rendered = Manifests.of(name)
    labels = rendered.only("Deployment")["spec"]["template"]["metadata"]["labels"]
    service = rendered.only("Service")["spec"]
    assert service["clusterIP"] == "None"
    budget = rendered.only("PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    spread = [constraint["labelSelector"]["matchLabels"] for constraint in rendered.pod["topologySpreadConstraints"]]
    deployment = rendered.only("Deployment")["spec"]["selector"]["matchLabels"]
    for selected in (service["selector"], budget["selector"]["matchLabels"], deployment, *spread):
        assert selected
        assert selected.items() <= labels.items()


@pytest.mark.parametrize("name", OPTIONAL)
def test_each_optional_component_goes_with_the_default(name: str, tmp_path: Path) -> None:
    before = Manifests.of("default")
    after = with_components("default", [name], tmp_path)
    assert after.documents != before.documents
    context, expected = after.container["securityContext"], before.container["securityContext"]
    if name == "no-apparmor":
        del expected["appArmorProfile"]
    assert context == expected


@pytest.mark.parametrize("name", OPTIONAL)
def test_what_a_component_adds_is_where_the_server_is(name: str, tmp_path: Path) -> None:
    for document in with_components("default", [name], tmp_path).documents:
        where = document["metadata"].get("namespace")
        assert where == (None if document["kind"] in CLUSTER_WIDE else "trialbox"), document["kind"]


@pytest.mark.parametrize("name", ["hpa", "keda"])
def test_an_autoscaled_deployment_says_nothing_of_its_size(name: str, tmp_path: Path) -> None:
    assert "replicas" not in with_components("default", [name], tmp_path).only("Deployment")["spec"]


def test_the_runbooks_own_overlays_take_their_images_from_its_registry(tmp_path: Path) -> None:
    (tmp_path / "trialbox").symlink_to(ROOT)
    runbook = (ROOT / "docs/kubernetes.md").read_text()
    shown = re.findall(r"^    # (\w+)/kustomization\.yaml\n((?:    .*\n)+)", runbook, re.MULTILINE)
    assert [name for name, _ in shown] == ["profiles", "server"]
    for name, text in shown:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(re.sub("^    ", "", text, flags=re.MULTILINE))
        images = re.findall(r"image: (\S+)", rendered(folder))
        assert images
        assert all(image.startswith("REGISTRY/trialbox-") for image in images)


def test_every_component_is_in_an_overlay_or_optional() -> None:
    used = {
        name
        for overlay in OVERLAYS
        for name in manifests.COMPONENTS
        if f"components/{name}\n" in (KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text()
    }
    assert used | set(OPTIONAL) == set(manifests.COMPONENTS)


def test_the_installer_of_profiles_can_load_profiles_and_nothing_else() -> None:
    rendered = Manifests.of("node-profiles")
    policy = rendered.only("NetworkPolicy")["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}
    pod = rendered.only("DaemonSet")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert (context["privileged"], context["allowPrivilegeEscalation"]) == (False, False)
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["MAC_ADMIN"]}
    assert pod["automountServiceAccountToken"] is False
    folders = {volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}
    assert folders == {"/var/lib/kubelet/seccomp", "/sys/kernel/security"}
