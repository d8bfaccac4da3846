"""Each layer of the isolation is broken in turn, in the parts that make it: it is named, and nothing is served."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import hosts
import pytest

from trialbox.client import Sandbox as Client
from trialbox.client import UnavailableError
from trialbox.server import (
    cgroup_host,
    cgroups,
    layers,
    nsjail,
    runtimes,
    sandbox,
    seccomp,
    self_test,
    settings,
    slot,
    supervisor,
)
from trialbox.server.layers import Layer, LayerState
from trialbox.server.output import BoundedOutput
from trialbox.server.sandbox import CannotServeError, Sandbox
from trialbox.server.supervisor import Supervisor

_SHORT_SECONDS = 0.5
# A user namespace that may have no more namespaces of a kind: `-c ... max_KIND_namespaces COMMAND`.
_WITHOUT = """
import ctypes, os, sys
ready, go_on = os.pipe(), os.pipe()
child = os.fork()
if not child:
    if ctypes.CDLL(None).unshare(0x10000000):
        os._exit(99)
    os.write(ready[1], b"x")
    os.read(go_on[0], 1)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    with open("/proc/sys/user/" + sys.argv[1], "w") as file:
        file.write("0")
    os.execv(sys.argv[2], sys.argv[2:])
os.read(ready[0], 1)
for kind in ("uid", "gid"):
    with open(f"/proc/{child}/{kind}_map", "w") as file:
        file.write("0 0 4294967295")
os.write(go_on[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


class Fault:
    """Ways to break the server's parts for one test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.set = monkeypatch.setattr
        self._set_item = monkeypatch.setitem
        self._folder = folder
        self._guest = folder / "guest"
        shutil.copytree(runtimes._GUEST_SOURCES, self._guest)
        self.set(runtimes, "_GUEST_SOURCES", self._guest)

    def in_guest(self, module: str, old: str, new: str = "") -> None:
        """Change what runs in the jail."""
        path = self._guest / f"{module}.py"
        source = path.read_text()
        assert source.count(old) == 1, f"{old!r} in {module}"
        path.write_text(source.replace(old, new))

    def in_jail(self, option: str, value: object) -> None:
        """Change one of nsjail's options."""
        assert option in nsjail._FIXED
        self._set_item(nsjail._FIXED, option, value)

    def in_launcher(self, old: str, new: str) -> None:
        """Change what starts nsjail."""
        source = slot._LAUNCHER.read_text()
        assert source.count(old) == 1, old
        changed = self._folder / "launcher.py"
        changed.write_text(source.replace(old, new))
        self.set(slot, "_LAUNCHER", changed)

    def soon_out_of(self, **limits: float) -> None:
        """Let a trial that nothing else ends meet another limit."""
        self.set(self_test, "_LIMITS", replace(self_test._LIMITS, **limits))  # type: ignore[arg-type]


def _no_user_namespace(fault: Fault) -> None:
    fault.in_jail("clone_newuser", False)


def _host_network(fault: Fault) -> None:
    fault.in_launcher("_CLONE_NEWNS | _CLONE_NEWNET)", "_CLONE_NEWNS)")


def _no_ipc_namespace(fault: Fault) -> None:
    fault.in_jail("clone_newipc", False)
    fault.in_guest("confine", " | syscalls.CLONE_NEWIPC")


def _no_uts_namespace(fault: Fault) -> None:
    fault.in_jail("clone_newuts", False)
    fault.in_guest("confine", " | syscalls.CLONE_NEWUTS")


def _no_cgroup_namespace(fault: Fault) -> None:
    fault.in_jail("clone_newcgroup", False)


def _root_of_the_host(fault: Fault) -> None:
    fault.set(sandbox, "_FIRST_HOST_ID", -os.getpid() * sandbox._HOST_IDS_A_SERVER)


def _writable_root(fault: Fault) -> None:
    mount = nsjail._mount
    fault.set(nsjail, "_mount", lambda *given, **options: mount(*given, **{**options, "writable": True}))


def _capabilities(fault: Fault) -> None:
    fault.in_guest("confine", "    syscalls.drop_capabilities()\n")
    fault.in_guest("confine", "    syscalls.empty_bounding_set()\n")


def _new_privileges(fault: Fault) -> None:
    fault.in_jail("disable_no_new_privs", True)
    fault.in_guest("confine", "    syscalls.set_no_new_privileges()\n")
    fault.in_guest("forkserver", "not syscalls.jail_filter_holds()", "False")
    # nsjail makes the promise for a filter's sake.
    config = nsjail.config

    def without_filter(*given: Any, **options: Any) -> bytes:
        lines = config(*given, **options).splitlines()
        return b"\n".join(line for line in lines if not line.startswith(b"seccomp_string"))

    fault.set(nsjail, "config", without_filter)


def _no_program_filter(fault: Fault) -> None:
    fault.in_guest("confine", "    syscalls.load_seccomp_filter(_filter)\n")


def _all_processes_in_proc(fault: Fault) -> None:
    fault.in_guest("confine", '    syscalls.mount(b"proc", b"/proc", flags, b"subset=pid,hidepid=invisible")\n')


def _open_descriptors(fault: Fault) -> None:
    fault.in_guest("forkserver", "    os.closerange(kept, 1 << 20)\n")


def _environment(fault: Fault) -> None:
    fault.in_guest("forkserver", "        os.environ.pop(name)\n", "        pass\n")


def _no_memory_limit(fault: Fault) -> None:
    set_limits = cgroups.SlotCgroups.set_limits
    fault.set(
        cgroups.SlotCgroups, "set_limits", lambda self, **given: set_limits(self, **{**given, "memory_bytes": None})
    )


def _no_process_limit(fault: Fault) -> None:
    set_limits = cgroups.SlotCgroups.set_limits
    fault.set(cgroups.SlotCgroups, "set_limits", lambda self, **given: set_limits(self, **{**given, "processes": None}))


def _no_cpu_controller(fault: Fault) -> None:
    probe = cgroup_host.probe

    def without() -> cgroup_host.CgroupHost:
        host = probe()
        hierarchies = {name: place for name, place in host.hierarchies.items() if name != "cpu"}
        return replace(host, hierarchies=hierarchies)

    fault.set(cgroup_host, "probe", without)


def _no_cpu_limit(fault: Fault) -> None:
    fault.soon_out_of(wall_seconds=_SHORT_SECONDS)
    fault.set(Supervisor, "cpu_seconds", lambda self: 0.0)


def _no_wall_limit(fault: Fault) -> None:
    fault.soon_out_of(cpu_seconds=_SHORT_SECONDS)
    fault.in_guest("forkserver", "deadline = int(begun) + int(wall)", "deadline = int(begun) + 10**15")
    fault.set(supervisor, "_GRACE_SECONDS", 1e6)


def _no_output_limit(fault: Fault) -> None:
    fault.soon_out_of(wall_seconds=_SHORT_SECONDS)
    fault.set(BoundedOutput, "truncated", False)


def _no_disk_limit(fault: Fault) -> None:
    fault.in_guest("confine", 'b"%b,%b" % (mount_options, owner)', "owner")


FAULTS: dict[str, Callable[[Fault], None]] = {
    "user_namespace": _no_user_namespace,
    "network_namespace": _host_network,
    "ipc_namespace": _no_ipc_namespace,
    "uts_namespace": _no_uts_namespace,
    "cgroup_namespace": _no_cgroup_namespace,
    "unprivileged_ids": _root_of_the_host,
    "read_only_root": _writable_root,
    "no_capabilities": _capabilities,
    "seccomp": _no_program_filter,
    "private_processes": _all_processes_in_proc,
    "no_descriptors": _open_descriptors,
    "no_environment": _environment,
    "memory_limit": _no_memory_limit,
    "process_limit": _no_process_limit,
    "cpu_accounting": _no_cpu_controller,
    "cpu_limit": _no_cpu_limit,
    "wall_limit": _no_wall_limit,
    "output_limit": _no_output_limit,
    "disk_limit": _no_disk_limit,
}
# Without these a jail can't even be started.
NEEDED = {"pid_namespace", "mount_namespace", "no_new_privileges"}


def probed() -> dict[str, Layer]:
    async def probe() -> list[Layer]:
        chosen = Sandbox(settings.load().model_copy(update={"slots": 1, "spare_slots": 0}))
        await chosen.start()
        await chosen.stop()
        return chosen.layers

    return {layer.name: layer for layer in asyncio.run(probe())}


def test_every_layer_has_a_fault() -> None:
    assert FAULTS.keys() | NEEDED == set(layers.NAMES)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_layer_is_found(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    FAULTS[name](Fault(monkeypatch, tmp_path))
    found = probed()
    assert found[name].state is LayerState.OFF, found[name].evidence
    assert found[name].remedy


@pytest.mark.parametrize(("name", "kind"), layers.NAMESPACES.items())
def test_a_namespace_that_the_kernel_refuses_is_named(name: str, kind: str) -> None:
    command = [sys.executable, "-c", _WITHOUT, f"max_{kind}_namespaces", sys.executable, "-m", "trialbox.server"]
    environment = {"TRIALBOX_SLOTS": "1", "TRIALBOX_SPARE_SLOTS": "0", "TRIALBOX_ADDRESS": "127.0.0.1:0"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert run.returncode == 3
    assert run.stderr.startswith("trialbox can't serve: no jail can be started")
    assert f"\n  {name}: /proc/sys/user/max_{kind}_namespaces is 0: raise it\n" in run.stderr


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda fault: fault.set(seccomp, "jail_policy", lambda: "DEFAULT ALLOW"), "nsjail's filter is not in force"),
        (lambda fault: fault.in_jail("clone_newpid", False), "/proc"),
        (lambda fault: fault.in_jail("clone_newns", False), "/work"),
        # Without the promise not to gain privileges a process that has none may load no filter.
        (_new_privileges, "PermissionError"),
    ],
    ids=["seccomp", "pid_namespace", "mount_namespace", "no_new_privileges"],
)
def test_no_jail_is_started_without_what_it_needs(
    change: Callable[[Fault], None], complaint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    change(Fault(monkeypatch, tmp_path))
    with pytest.raises(CannotServeError, match="no jail can be started") as raised:
        probed()
    assert complaint in str(raised.value)


def test_a_layer_that_breaks_later_is_found_and_so_is_its_return(tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    server_with_a_switch = f"""
import sys
from dataclasses import replace
from pathlib import Path
from trialbox.server import self_test
from trialbox.server.app import main
from trialbox.server.supervisor import Supervisor
cpu_seconds = Supervisor.cpu_seconds
Supervisor.cpu_seconds = lambda self: 0.0 if Path({str(flag)!r}).exists() else cpu_seconds(self)
self_test._LIMITS = replace(self_test._LIMITS, wall_seconds={_SHORT_SECONDS})
sys.exit(main())
"""
    command = [sys.executable, "-c", server_with_a_switch]
    with (
        hosts.standing_alone({"SLOTS": "1", "SELF_TEST_SECONDS": "1"}, command=command) as server,
        Client(server.address, retry=False) as box,
    ):
        assert server.health() == "SERVING"
        flag.touch()
        hosts.eventually(lambda: server.health() == "NOT_SERVING", "the self-test finds that CPU time has no limit")
        with pytest.raises(UnavailableError, match="cpu_limit: a program that goes beyond it ended as WALL_TIME_"):
            box.run("print(1)")
        flag.unlink()
        hosts.eventually(lambda: server.health() == "SERVING", "the self-test finds that it has")
        assert box.run("print(1)").stdout == b"1\n"


def test_a_self_test_that_fails_is_not_the_last(tmp_path: Path) -> None:
    failing, failed, broken = (tmp_path / name for name in ("failing", "failed", "broken"))
    server_with_switches = f"""
import sys
from dataclasses import replace
from pathlib import Path
from trialbox.server.app import main
from trialbox.server.layers import LayerState
from trialbox.server.self_test import SelfTest
run = SelfTest.run
async def run_or_fail(self):
    if Path({str(failing)!r}).exists():
        Path({str(failed)!r}).touch()
        raise KeyError("a fact that the probe did not tell")
    state = LayerState.OFF if Path({str(broken)!r}).exists() else LayerState.ON
    return [replace(layer, state=state) for layer in await run(self)]
SelfTest.run = run_or_fail
sys.exit(main())
"""
    command = [sys.executable, "-c", server_with_switches]
    with hosts.standing_alone({"SLOTS": "1", "SELF_TEST_SECONDS": "1"}, command=command) as server:
        assert server.health() == "SERVING"
        failing.touch()
        hosts.eventually(failed.exists, "a self-test fails")
        failing.unlink()
        broken.touch()
        hosts.eventually(lambda: server.health() == "NOT_SERVING", "a later one finds what is missing")
