"""Cgroups of every kind are found by trying, and the kernel's say is what counts."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from described_hosts import describe_host

from trialbox.server import cgroup_host
from trialbox.server.cgroup_host import CgroupHost
from trialbox.server.cgroups import CONTROLLERS, Hierarchy


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Hierarchy]]:
    """Where controllers are found if whatever is tried works: ordinary folders are no groups."""
    monkeypatch.setattr(cgroup_host, "_try", lambda *_: None)
    return lambda: cgroup_host.probe().hierarchies


def test_groups_of_a_server_that_is_gone_are_removed_and_no_others(tmp_path: Path) -> None:
    gone = 2**22 + 1  # above the largest pid there can be
    stale, fresh, alive, foreign = (
        tmp_path / name for name in (f"trialbox-{gone}-0", f"trialbox-{gone}-1", f"trialbox-{os.getpid()}-0", "other")
    )
    for group in (stale, fresh, alive, foreign):
        group.mkdir()
    for group in (stale, alive, foreign):
        os.utime(group, (0, 0))
    CgroupHost({"pids": Hierarchy(tmp_path, 1)}, {}).remove_abandoned()
    assert set(tmp_path.iterdir()) == {fresh, alive, foreign}


def test_on_a_hybrid_host_each_controller_is_looked_for_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Callable[[], dict[str, Hierarchy]]
) -> None:
    for place in ("memory/own", "cpu,cpuacct/own", "unified/own"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "unified/cgroup.controllers").write_text("pids io\n")
    (tmp_path / "unified/own/cgroup.controllers").write_text("pids\n")
    describe_host(
        monkeypatch,
        mounts=f"22 1 0:20 / /proc rw - proc proc rw\n"
        f"31 30 0:27 / {tmp_path}/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
        f"32 30 0:28 / {tmp_path}/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        f"33 30 0:29 / {tmp_path}/unified rw shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n",
        own="4:memory:/own\n3:cpu,cpuacct:/own\n1:name=systemd:/elsewhere\n0::/own\n",
    )
    assert found() == {
        "memory": Hierarchy(tmp_path / "memory/own", 1),
        "cpu": Hierarchy(tmp_path / "cpu,cpuacct/own", 1),
        "cpu_share": Hierarchy(tmp_path / "cpu,cpuacct/own", 1),
        "pids": Hierarchy(tmp_path / "unified/own", 2),
    }


V2_LAYOUT = {
    # As where a manager hands memory down twice, and the rest not at all.
    "": ("cpu io memory pids", "memory"),
    "manager": ("memory", "memory"),
    "manager/own": ("memory", ""),
}


def lay_out(root: Path, layout: Mapping[str, tuple[str, str]]) -> None:
    """Make groups of version 2: the controllers that each may have, and those that it hands down."""
    for folder, (controllers, handed_down) in layout.items():
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "cgroup.controllers").write_text(f"{controllers}\n")
        (root / folder / "cgroup.subtree_control").write_text(f"{handed_down}\n")


@pytest.fixture
def version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Groups of version 2, this process's own two levels down."""
    lay_out(tmp_path, V2_LAYOUT)
    describe_host(monkeypatch, mounts=f"33 30 0:29 / {tmp_path} rw - cgroup2 cgroup2 rw\n", own="0::/manager/own\n")
    return tmp_path


def test_on_version_2_all_controllers_are_in_one_place_for_a_process_is_in_one_group(
    version_2: Path, found: Callable[[], dict[str, Hierarchy]]
) -> None:
    assert found() == dict.fromkeys(CONTROLLERS, Hierarchy(version_2, 2))


def test_of_places_with_the_same_controllers_the_nearest_that_hands_them_down_is_taken(
    version_2: Path, found: Callable[[], dict[str, Hierarchy]]
) -> None:
    everything = "cpu memory pids"
    lay_out(
        version_2, {"": (everything, everything), "manager": (everything, everything), "manager/own": (everything, "")}
    )
    assert found() == dict.fromkeys(CONTROLLERS, Hierarchy(version_2 / "manager", 2))


def test_where_version_2_is_mounted_twice_one_place_is_taken_for_all_the_first_of_equals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Callable[[], dict[str, Hierarchy]]
) -> None:
    mounts = [tmp_path / name for name in ("some", "first", "second")]
    for mount, controllers in zip(mounts, ("memory pids", "cpu memory pids", "cpu memory pids"), strict=True):
        mount.mkdir()
        lay_out(mount, {"": (controllers, controllers)})
    lines = [f"{number} 1 0:29 / {mount} rw - cgroup2 cgroup2 rw\n" for number, mount in enumerate(mounts)]
    describe_host(monkeypatch, mounts="".join(lines), own="0::/\n")
    assert found() == dict.fromkeys(CONTROLLERS, Hierarchy(tmp_path / "first", 2))


def test_where_the_best_place_is_closed_the_one_with_most_is_taken_and_what_was_tried_is_told(
    version_2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup_host, "_try", lambda _, place: "read-only" if place.folder == version_2 else None)
    host = cgroup_host.probe()
    assert host.hierarchies == {"memory": Hierarchy(version_2 / "manager", 2)}
    assert host.evidence["memory"] == f"cgroup v2: made and limited a group in {version_2}/manager"
    assert host.evidence["pids"] == f"{version_2}: read-only"


def test_in_a_container_the_mount_itself_is_tried_where_the_named_group_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Callable[[], dict[str, Hierarchy]]
) -> None:
    (tmp_path / "memory").mkdir()
    describe_host(
        monkeypatch,
        mounts=f"31 30 0:27 /docker/abc {tmp_path}/memory rw - cgroup cgroup rw,memory\n",
        own="4:memory:/docker/abc\n",
    )
    assert found() == {"memory": Hierarchy(tmp_path / "memory", 1)}


def test_without_a_mount_every_controller_is_missing_and_the_evidence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    describe_host(monkeypatch, mounts="22 1 0:20 / /proc rw - proc proc rw\n", own="0::/\n")
    host = cgroup_host.probe()
    assert host.hierarchies == {}
    assert host.evidence == dict.fromkeys(CONTROLLERS, "no cgroup mount offers it")


@pytest.mark.skipif(os.geteuid() != 0, reason="making groups takes root, as the server does")
def test_on_this_machine_every_controller_is_found_and_nothing_left_behind() -> None:
    host = cgroup_host.probe()
    assert set(host.hierarchies) >= set(CONTROLLERS), host.evidence
    assert set(host.evidence) == set(CONTROLLERS)
    for hierarchy in host.hierarchies.values():
        assert not list(hierarchy.folder.glob(f"trialbox-probe-{os.getpid()}*"))
