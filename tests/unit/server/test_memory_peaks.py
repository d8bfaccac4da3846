"""The peak of memory told is that of one program, or, where the kernel keeps to itself what it was, a lower bound."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import hosts
import pytest

from trialbox.server import cgroup_host
from trialbox.server.cgroups import Hierarchy, SlotCgroups

_MIB = 1 << 20
_EAT = "import sys; sys.stdin.read(1); held = b'x' * (int(sys.argv[1]) << 20)"


def eat(slot: SlotCgroups, mebibytes: int) -> int:
    """Have a process in the slot's groups hold that much at once and end; return its status."""
    with subprocess.Popen([sys.executable, "-c", _EAT, str(mebibytes)], stdin=subprocess.PIPE) as process:
        for folder in slot.folders:
            Path(folder, "cgroup.procs").write_text(str(process.pid))
        process.communicate(b"!")
    return process.returncode


@pytest.mark.skipif(os.geteuid() != 0, reason="making groups takes root, as the server does")
def test_a_real_groups_peak_is_of_what_came_after_the_reset() -> None:
    slot = SlotCgroups.create(cgroup_host.probe().hierarchies, f"trialbox-{os.getpid()}-test")
    try:
        slot.set_limits(memory_bytes=64 * _MIB, processes=8)
        peaks = []
        for mebibytes, status in ((8, 0), (48, 0), (8, 0), (72, -signal.SIGKILL), (72, -signal.SIGKILL)):
            slot.reset_peak()
            assert eat(slot, mebibytes) == status
            peaks.append(slot.peak_memory_bytes() / _MIB)
    finally:
        slot.remove()
    assert 8 <= peaks[0] < 32
    assert 48 <= peaks[1] < 64
    assert (8 if hosts.memory_peaks_reset() else 0) <= peaks[2] < 32
    assert all(63 <= peak <= 64 for peak in peaks[3:])


def test_a_peak_that_can_not_be_reset_tells_of_what_raised_it_or_met_the_limit(tmp_path: Path) -> None:
    def tell(*, peak: int, ooms: int) -> None:
        (tmp_path / "memory.peak").unlink(missing_ok=True)
        (tmp_path / "memory.peak").write_text(f"{peak}\n")
        (tmp_path / "memory.peak").chmod(0o444)  # as before Linux 6.12
        (tmp_path / "memory.events").write_text(f"max 9\noom {ooms}\noom_kill 3\n")

    (tmp_path / "memory.max").touch()
    (tmp_path / "memory.current").write_text("100\n")
    tell(peak=3000, ooms=1)
    slot = SlotCgroups({"memory": Hierarchy(tmp_path, 2)})
    slot.set_limits(memory_bytes=2000, processes=None)
    slot.reset_peak()
    assert slot.peak_memory_bytes() == 100  # the 3000 may be another program's
    tell(peak=3000, ooms=2)
    assert slot.peak_memory_bytes() == 2000
    tell(peak=4000, ooms=2)
    assert slot.peak_memory_bytes() == 4000
    slot.close()
