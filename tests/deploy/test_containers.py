"""The containers of the manifests are enough for the server, as far as that can be seen without a container runtime."""

import errno
import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import bpf
import manifests
import pod
import pyseccomp
import pytest
from containers import Container, states

from trialbox.client import Outcome, Sandbox
from trialbox.server.layers import CGROUPS, NAMES

pytestmark = pytest.mark.skipif(not manifests.INSTALLED, reason="kubectl is not there: make kubernetes-tools")

# Where control groups are of version 1 no container can have any of its own.
WITHOUT_CGROUPS = {"TRIALBOX_WAIVED_LAYERS": json.dumps(list(CGROUPS))}
EXPECTED = {name: "waived" if name in CGROUPS else "on" for name in NAMES}


def test_in_the_default_container_every_layer_is_on_but_those_that_are_waived(tmp_path: Path) -> None:
    told = Container(overlay="default", folder=tmp_path).doctor()
    assert states(told) == EXPECTED
    assert told["serves"] is True


def test_the_default_container_serves_and_ends_when_told_to(tmp_path: Path) -> None:
    with Container(overlay="default", folder=tmp_path).serving() as address, Sandbox(address) as box:
        execution = box.run("print(6 * 7)")
        assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"42\n")
        assert sorted(execution.isolation.waived_layers) == sorted(CGROUPS)


def test_where_nothing_is_waived_the_default_container_serves_nothing(tmp_path: Path) -> None:
    told = Container(overlay="default", folder=tmp_path, settings={"TRIALBOX_WAIVED_LAYERS": "[]"}).doctor()
    assert told["serves"] is False
    assert {name for name, state in states(told).items() if state == "off"} == set(CGROUPS)


def test_the_capabilities_of_that_tier_are_enough(tmp_path: Path) -> None:
    told = Container(overlay="capabilities", folder=tmp_path, settings=WITHOUT_CGROUPS).doctor()
    found = states(told)
    assert {name: state for name, state in found.items() if name not in CGROUPS} == {
        name: state for name, state in EXPECTED.items() if name not in CGROUPS
    }


def test_the_seccomp_profile_is_what_its_script_writes() -> None:
    script = manifests.SECCOMP_PROFILE.with_name("make_seccomp.py")
    written = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
    assert manifests.SECCOMP_PROFILE.read_text() == written


@pytest.mark.parametrize("above", [0, 1 << 32])
def test_the_seccomp_profile_lets_no_socket_reach_the_machines_own_host(above: int) -> None:
    compiled = pod.policy_of(json.loads(manifests.SECCOMP_PROFILE.read_text()))
    with tempfile.TemporaryFile() as file:
        compiled.export_bpf(file)
        file.seek(0)
        program = bpf.decode(file.read())
    socket_call = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "socket")
    architecture = pyseccomp.system_arch()

    def answers(family: int) -> int:
        known = bpf.words(socket_call, architecture, (family | above, socket.SOCK_STREAM, 0, 0, 0, 0))
        return bpf.decide(program, known)

    assert answers(socket.AF_INET) == pyseccomp.ALLOW
    assert answers(socket.AF_VSOCK) == pyseccomp.ERRNO(errno.ENOSYS)
