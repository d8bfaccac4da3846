"""Groups take their limits, and the kernel's counters are read as they are."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from trialbox.server import cgroup_host
from trialbox.server.cgroups import CONTROLLERS, Counters, Hierarchy, SlotCgroups

_MIB = 1 << 20
_V1_FILES = {
    "memory.limit_in_bytes": "9223372036854771712",
    "memory.memsw.limit_in_bytes": "9223372036854771712",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "memory.usage_in_bytes": f"{100 * _MIB}\n",
    "memory.max_usage_in_bytes": f"{120 * _MIB}\n",
    "memory.stat": f"cache {9 * _MIB}\nactive_file 1\ninactive_file 2\n"
    f"total_active_file {20 * _MIB}\ntotal_inactive_file {10 * _MIB}\n",
    "pids.max": "max\n",
    "pids.current": "7\n",
    "cpuacct.usage": "1750000000\n",
    "cgroup.procs": "",
}
_V2_FILES = {
    "memory.max": "max\n",
    "memory.swap.max": "max\n",
    "memory.events": "low 0\nhigh 0\nmax 5\noom 3\noom_kill 2\noom_group_kill 0\n",
    "memory.current": f"{100 * _MIB}\n",
    "memory.peak": f"{120 * _MIB}\n",
    "memory.stat": f"anon 1\nfile 2\nactive_file {20 * _MIB}\ninactive_file {10 * _MIB}\n",
    "pids.max": "max\n",
    "pids.current": "7\n",
    "cpu.stat": "usage_usec 1750000\nuser_usec 1500000\nsystem_usec 250000\nnr_periods 0\n",
    "cgroup.procs": "",
}
_FILES = {1: _V1_FILES, 2: _V2_FILES}


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> int:
    """The version of the groups that the test reads."""
    number: int = request.param
    return number


@pytest.fixture
def folder(tmp_path: Path, version: int) -> Path:
    """A group as the kernel would lay it out."""
    for name, text in _FILES[version].items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def slot(folder: Path, version: int) -> SlotCgroups:
    """A slot whose controllers are all in that group."""
    return SlotCgroups(dict.fromkeys(CONTROLLERS, Hierarchy(folder, version)))


def written(file: Path) -> str:
    """What was written last: the kernel keeps nothing of what was there before, an ordinary file does."""
    return file.read_text().splitlines()[0]


def test_the_kernels_counters_are_read(slot: SlotCgroups) -> None:
    assert slot.read() == Counters(cpu_seconds=1.75, oom_kills=2, memory_bytes=70 * _MIB)
    assert slot.processes() == 7
    assert slot.oom_kills() == 2
    assert slot.cpu_seconds() == 1.75
    assert slot.peak_memory_bytes() == 120 * _MIB


def test_memory_in_use_is_never_negative(slot: SlotCgroups, folder: Path, version: int) -> None:
    # The two files are not read at the same moment.
    (folder / ("memory.current" if version == 2 else "memory.usage_in_bytes")).write_text("4096\n")
    assert slot.read().memory_bytes == 0


def test_memory_and_processes_are_bounded_and_swap_gives_no_more(slot: SlotCgroups, folder: Path, version: int) -> None:
    slot.set_limits(memory_bytes=64 * _MIB, processes=12)
    assert written(folder / "pids.max") == "12"
    if version == 2:
        assert written(folder / "memory.max") == str(64 * _MIB)
        assert written(folder / "memory.swap.max") == "0"
    else:
        assert written(folder / "memory.limit_in_bytes") == str(64 * _MIB)
        assert written(folder / "memory.memsw.limit_in_bytes") == str(64 * _MIB)


def test_none_lifts_the_bounds(slot: SlotCgroups, folder: Path, version: int) -> None:
    slot.set_limits(memory_bytes=64 * _MIB, processes=12)
    slot.set_limits(memory_bytes=None, processes=None)
    assert written(folder / "pids.max") == "max"
    if version == 2:
        assert written(folder / "memory.max") == "max"
        assert written(folder / "memory.swap.max") == "0"
    else:
        assert written(folder / "memory.limit_in_bytes") == "-1"
        assert written(folder / "memory.memsw.limit_in_bytes") == "-1"


def test_a_kernel_without_swap_accounting_will_do(slot: SlotCgroups, folder: Path) -> None:
    swap = [folder / "memory.swap.max", folder / "memory.memsw.limit_in_bytes"]
    for file in swap:
        file.unlink(missing_ok=True)
    slot.set_limits(memory_bytes=64 * _MIB, processes=12)
    assert not any(file.exists() for file in swap)


def test_on_v1_the_bound_with_swap_is_never_below_the_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {name: int(_V1_FILES[name]) for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")}
    for name in values:
        (tmp_path / name).touch()

    def write(slot: SlotCgroups, controller: str, name: str, text: str) -> None:
        values[name] = 1 << 63 if text == "-1" else int(text)
        # The kernel refuses the write otherwise.
        assert values["memory.limit_in_bytes"] <= values["memory.memsw.limit_in_bytes"]

    monkeypatch.setattr(SlotCgroups, "_write", write)
    slot = SlotCgroups({"memory": Hierarchy(tmp_path, 1)})
    for memory_bytes in (64 * _MIB, 16 * _MIB, 512 * _MIB, None, 32 * _MIB):
        slot.set_limits(memory_bytes=memory_bytes, processes=None)


def test_limits_that_are_in_force_already_are_not_written_again(slot: SlotCgroups, folder: Path) -> None:
    slot.set_limits(memory_bytes=64 * _MIB, processes=12)
    (folder / "pids.max").write_text("untouched\n")
    slot.set_limits(memory_bytes=64 * _MIB, processes=12)
    assert written(folder / "pids.max") == "untouched"
    slot.set_limits(memory_bytes=64 * _MIB, processes=13)
    assert written(folder / "pids.max") == "13"


def test_without_groups_nothing_is_counted_and_nothing_fails() -> None:
    slot = SlotCgroups({})
    slot.set_limits(memory_bytes=1, processes=1)
    assert slot.read() == Counters()
    assert slot.peak_memory_bytes() == 0
    slot.reset_peak()
    assert not slot.any_process()
    assert slot.folders == []
    slot.remove()


def test_each_controller_may_be_in_a_hierarchy_of_its_own(tmp_path: Path) -> None:
    places = {"memory": Hierarchy(tmp_path / "v1", 1), "pids": Hierarchy(tmp_path / "v2", 2)}
    for place in places.values():
        place.folder.mkdir()
    slot = SlotCgroups.create(places, "trialbox-1-0")
    assert slot.folders == [str(tmp_path / "v1/trialbox-1-0"), str(tmp_path / "v2/trialbox-1-0")]
    assert (slot.has("memory"), slot.has("pids"), slot.has("cpu")) == (True, True, False)
    slot.remove()
    assert not any(any(place.folder.iterdir()) for place in places.values())
    slot.remove()


def test_a_group_shared_by_controllers_is_joined_and_removed_once(tmp_path: Path) -> None:
    slot = SlotCgroups.create(dict.fromkeys(CONTROLLERS, Hierarchy(tmp_path, 2)), "trialbox-1-0")
    assert slot.folders == [str(tmp_path / "trialbox-1-0")]
    slot.remove()
    assert not any(tmp_path.iterdir())


def test_a_process_in_any_group_is_seen(slot: SlotCgroups, folder: Path) -> None:
    assert not slot.any_process()
    (folder / "cgroup.procs").write_text("42\n")
    assert slot.any_process()


@pytest.mark.skipif(os.geteuid() != 0, reason="making groups takes root, as the server does")
def test_a_real_group_takes_its_limits_again_and_again_and_counts_from_zero() -> None:
    slot = SlotCgroups.create(cgroup_host.probe().hierarchies, f"trialbox-{os.getpid()}-test")
    try:
        for memory_bytes in (64 * _MIB, 16 * _MIB, 512 * _MIB, None, 32 * _MIB):
            slot.set_limits(memory_bytes=memory_bytes, processes=8)
        assert slot.read() == Counters()
        assert not slot.any_process()
    finally:
        slot.remove()
    assert not any(Path(folder).exists() for folder in slot.folders)


@pytest.mark.skipif(os.geteuid() != 0, reason="making groups takes root, as the server does")
def test_whoever_is_in_a_real_group_can_be_killed_and_its_cache_reclaimed() -> None:
    slot = SlotCgroups.create(cgroup_host.probe().hierarchies, f"trialbox-{os.getpid()}-kill")
    sleeper = subprocess.Popen(["sleep", "600"])
    try:
        for folder in slot.folders:
            Path(folder, "cgroup.procs").write_text(str(sleeper.pid))
        assert slot.any_process()
        slot.kill_processes()
        assert sleeper.wait() == -signal.SIGKILL
        assert not slot.any_process()
        slot.reclaim()
    finally:
        sleeper.kill()
        sleeper.wait()
        slot.remove()
