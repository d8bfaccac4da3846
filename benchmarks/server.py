"""A server in a process of its own, for benchmarks that kill it or watch its memory."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from trialbox.server import nsjail, sandbox


class Server:
    """A server process on an address of its own."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Start it; settings go by their names without the prefix, as in `SLOTS`."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        given = {"ADDRESS": self.address, "LOG_LEVEL": "error", **settings}
        self._environment = {**os.environ, **{f"TRIALBOX_{name}": value for name, value in given.items()}}
        self.start()

    def start(self) -> None:
        """Start it anew, where it was before."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trialbox.server"], env=self._environment, stderr=subprocess.DEVNULL
        )

    def parts(self) -> list[int]:
        """Its launchers, jails, fork servers and inits; not the programs, whose end by a signal is told as theirs."""
        found, family = [], {self.process.pid}
        parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
        for pid in sorted(parents):
            if parents[pid] in family:
                family.add(pid)
                found.append(pid)
        return [pid for pid in found if _is_trusted(pid)]

    def memory_mib(self) -> float:
        """Its private memory."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024

    def stop(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


def _parent(folder: Path) -> int:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0


def _is_trusted(pid: int) -> bool:
    """Whether it is no program: of the ids of a slot, the first is the fork server's and init's."""
    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return False
    return uid == 0 or (uid - sandbox._FIRST_HOST_ID) % nsjail.IDS_PER_SLOT == 0
