"""Where control groups are of version 2, containers that may write to theirs have every layer; under AppArmor too."""

import shutil
import subprocess
from pathlib import Path

import manifests
import pytest
from containers import Container, states

from trialbox.server.layers import NAMES

CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")
APPARMOR = Path("/sys/kernel/security")
ALL_ON = dict.fromkeys(NAMES, "on")

pytestmark = [
    pytest.mark.skipif(not CONTROLLERS.exists(), reason="this host has no cgroup v2: make test-cgroup2 runs it there"),
    pytest.mark.skipif(not manifests.INSTALLED, reason="kubectl is not there: make kubernetes-tools"),
]


def test_a_container_with_that_capability_mounts_its_own_control_groups(tmp_path: Path) -> None:
    told = Container(overlay="capabilities", folder=tmp_path).doctor()
    assert states(told) == ALL_ON


@pytest.fixture
def apparmor() -> None:
    """Have the kernel know the profiles."""
    if not (APPARMOR / "apparmor").exists():
        subprocess.run(["mount", "-t", "securityfs", "securityfs", APPARMOR], check=False)
    if not (APPARMOR / "apparmor").exists() or not shutil.which("apparmor_parser"):
        pytest.skip("AppArmor is not there: the kernel's, or its parser")
    profile = manifests.SECCOMP_PROFILE.with_name("apparmor.profile")
    subprocess.run(["apparmor_parser", "--replace", "--skip-cache", profile], check=True)


@pytest.mark.usefixtures("apparmor")
def test_under_apparmor_delegated_control_groups_are_handed_on_to_the_jails_namespace(tmp_path: Path) -> None:
    told = Container(overlay="delegated", folder=tmp_path, options=("--writable-cgroups", "--apparmor")).doctor()
    assert states(told) == ALL_ON
