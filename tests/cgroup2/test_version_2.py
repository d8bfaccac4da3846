"""Where all control groups are of version 2, they bound, count and are left behind as on version 1."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hosts
import pytest
from described_hosts import describe_host
from executions import assert_killed, printed

from trialbox.client import Limits, Outcome, Sandbox
from trialbox.server import cgroup_host
from trialbox.server.cgroups import SlotCgroups

ROOT = Path("/sys/fs/cgroup")
MIB = 1 << 20
# What a slot may hold of its own, beside the program.
OWN_BYTES, OWN_PROCESSES = 64 * MIB, 16


def only_version_2() -> bool:
    controllers = ROOT / "cgroup.controllers"
    return controllers.exists() and {"memory", "pids", "cpu"} <= set(controllers.read_text().split())


pytestmark = pytest.mark.skipif(
    not only_version_2(), reason="this host's controllers are not all of cgroup v2: make test-cgroup2 runs it there"
)


def groups() -> set[Path]:
    """The groups that servers made."""
    return set(ROOT.rglob("trialbox-*-*"))


@pytest.fixture(scope="module")
def slot() -> Iterator[Sandbox]:
    """A server with one slot, which must take its groups with it."""
    before = groups()
    with Sandbox.local(slots=1, settings={"spare_slots": "0"}, start_seconds=120) as sandbox:
        assert groups() > before
        yield sandbox
    hosts.eventually(lambda: groups() <= before, "the server took its control groups with it")


def test_every_controller_is_found_on_version_2(slot: Sandbox) -> None:
    evidence = {layer.name: layer.evidence for layer in slot.server_info().layers}
    for layer in ("memory_limit", "process_limit", "cpu_accounting"):
        assert evidence[layer].startswith("cgroup v2: made and limited a group in "), layer


def test_a_running_program_is_bounded_by_its_group_and_has_no_swap(slot: Sandbox, isolation_path: str) -> None:
    marker = f"lingering-{uuid.uuid4().hex}"
    limits = Limits(memory_bytes=64 * MIB, processes=8, wall_seconds=3)
    with ThreadPoolExecutor(1) as pool:
        execution = pool.submit(slot.run, hosts.lingering(marker), limits=limits, isolation=isolation_path)
        hosts.eventually(lambda: hosts.marked(marker), "the program ran")
        (pid,) = hosts.marked(marker)
        (line,) = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        group = ROOT / line.removeprefix("0::/")
        names = ("memory.max", "memory.swap.max", "pids.max")
        memory, swap, processes = (int((group / name).read_text()) for name in names)
        assert_killed(execution.result(), Outcome.WALL_TIME_EXCEEDED)
    assert not hosts.marked(marker)
    assert group in groups()
    assert 64 * MIB <= memory <= 64 * MIB + OWN_BYTES
    assert swap == 0
    assert 8 <= processes <= 8 + OWN_PROCESSES


def test_the_peak_of_memory_is_that_of_the_execution(slot: Sandbox, isolation_path: str) -> None:
    peaks = []
    for mebibytes in (8, 40, 8):
        execution = slot.run(f"print(len(b'x' * ({mebibytes} << 20)))", isolation=isolation_path)
        assert printed(execution) == str(mebibytes * MIB)
        peaks.append(execution.usage.peak_memory_bytes // MIB)
    least = 8 if hosts.memory_peaks_reset() else 0
    assert least <= peaks[0] < 32
    assert 40 <= peaks[1] < 64
    assert least <= peaks[2] < 32


@pytest.fixture
def handed_down_in_part(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Groups of which a manager hands memory down twice, and the rest not at all; this process's own is the last."""
    root = ROOT / f"outer-{uuid.uuid4().hex}"
    own = root / "manager/own"
    (ROOT / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    own.mkdir(parents=True)
    for folder in (root, root / "manager"):
        (folder / "cgroup.subtree_control").write_text("+memory")
    describe_host(monkeypatch, mounts=f"33 30 0:29 / {root} rw - cgroup2 cgroup2 rw\n", own="0::/manager/own\n")
    yield root
    for folder in (own, *own.parents[:2]):
        folder.rmdir()


def test_where_a_manager_hands_down_a_part_all_bounds_hold_together(handed_down_in_part: Path) -> None:
    host = cgroup_host.probe()
    slot = SlotCgroups.create(host.hierarchies, "trialbox-1-0")
    try:
        assert slot.folders == [str(handed_down_in_part / "trialbox-1-0")]
        slot.set_limits(memory_bytes=64 * MIB, processes=8)
        join = f"open({slot.folders[0] + '/cgroup.procs'!r}, 'w').write('0')"
        hog = subprocess.run([sys.executable, "-c", f"{join}\nb'x' * (200 << 20)"], check=False)
        assert hog.returncode == -signal.SIGKILL
        assert slot.oom_kills() == 1
        assert slot.cpu_seconds() > 0
    finally:
        slot.remove()
