"""A cold slot: its cgroups, its resident launcher, and one jail after another in them."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from trialbox.server import nsjail
from trialbox.server.cgroups import CgroupHost, SlotCgroups
from trialbox.server.jail import Jail
from trialbox.server.model import Execution, Job, SandboxBrokenError
from trialbox.server.nsjail import JailSpec
from trialbox.server.packets import PacketSocket
from trialbox.server.runtimes import Runtime
from trialbox.server.watching import Watch

_LAUNCHER = Path(__file__).with_name("launcher.py")
_START_SECONDS = 30.0
_EXIT_SECONDS = 5.0
_POLL_SECONDS = 0.005

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotConfig:
    """What all slots of a server share."""

    runtimes: dict[str, Runtime]
    cgroup_host: CgroupHost
    first_host_id: int
    usual: JailSpec
    """What most requests ask for: a jail like this is started ahead of the next one."""


class ColdSlot:
    """A place where one jail at a time runs; the next is started ahead of its request."""

    def __init__(self, number: int, config: SlotConfig) -> None:
        self.number = number
        self.runtimes = config.runtimes
        self.first_host_id = config.first_host_id + number * nsjail.IDS_PER_SLOT
        self.program_host_id = self.first_host_id + 1
        self.cgroups = SlotCgroups({})
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: PacketSocket | None = None
        self._jail: Jail | None = None
        self._sound = True
        self._launches = 0
        self._exits = 0

    async def execute(self, job: Job, watch: Watch | None = None) -> Execution:
        """Run a job in a jail of its own; call `renew` afterwards, whatever happened.

        Raises SandboxBrokenError and WorkspaceError, see Jail.run.
        """
        spec = JailSpec(
            runtime=job.program.runtime,
            hash_seed=job.program.hash_seed,
            disk_bytes=job.limits.disk_bytes,
            disk_inodes=job.limits.disk_inodes,
        )
        if self._jail is None or self._jail.spec != spec:
            await self._replace(spec)
        jail = self._jail
        if jail is None:
            raise SandboxBrokenError(f"slot {self.number} has no jail")
        return await jail.run(job, watch)

    async def renew(self) -> None:
        """End what ran and make ready for the next; raises SandboxBrokenError."""
        await self._replace(self._config.usual)

    async def _replace(self, spec: JailSpec) -> None:
        jail, self._jail = self._jail, None
        if jail is not None and not await jail.finish():
            self._sound = False
        if not self._sound:
            _log.warning("slot_restarted", slot=self.number)
            await self._stop_launcher()
            await self._start_launcher()
        # Until the new jail stands, whatever interrupts leaves the slot in doubt.
        self._sound = False
        self._jail = Jail(self, spec)
        await self._jail.start()
        self._sound = True

    async def start(self) -> None:
        """Start the launcher inside the slot's own cgroups, and the first jail.

        Raises SandboxBrokenError.
        """
        await self._start_launcher()
        await self.renew()

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""
        if self._jail is not None:
            jail, self._jail = self._jail, None
            await jail.finish()
        await self._stop_launcher()

    async def _start_launcher(self) -> None:
        self._launches = self._exits = 0
        self.cgroups = SlotCgroups.create(self._config.cgroup_host, f"trialbox-{os.getpid()}-{self.number}")
        self._socket, theirs = PacketSocket.pair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())],
                stdin=theirs.fileno(),
                start_new_session=True,  # a terminal's Ctrl-C is the server's to handle
            )
        setup = {"cgroups": self.cgroups.folders, "world": nsjail.world(list(self.runtimes.values()))}
        # By descriptor: it holds the compiled guest, more than a packet does.
        described = os.memfd_create("setup", os.MFD_CLOEXEC)
        try:
            os.pwrite(described, json.dumps(setup).encode(), 0)
            self._socket.send(b"{}", (described,))
        finally:
            os.close(described)
        answer = await self._answer(_START_SECONDS)
        if "error" in answer:
            await self._stop_launcher()
            raise SandboxBrokenError(f"slot {self.number} can't be set up: {answer['error']}")

    def launch(self, descriptors: tuple[int, ...]) -> None:
        """Start nsjail with these descriptors as its 0, 1, 2, …; raises SandboxBrokenError."""
        packet = json.dumps({"argv": nsjail.command()}).encode()
        if self._socket is None or not self._socket.send(packet, descriptors):
            raise SandboxBrokenError(f"slot {self.number}: its launcher is gone")
        self._launches += 1

    async def exited(self) -> bool:
        """Wait for nsjail to end, and with it all of the jail; False when it does not."""
        try:
            while self._exits < self._launches:
                answer = await self._answer(_EXIT_SECONDS)
                self._exits = int(answer["launch"])
        except SandboxBrokenError:
            return False
        return True

    async def kill(self) -> None:
        """End the jail by force, its launcher with it; returns when all of it is gone."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        deadline = asyncio.get_running_loop().time() + _EXIT_SECONDS
        while self.cgroups.any_process():
            if asyncio.get_running_loop().time() > deadline:
                raise SandboxBrokenError(f"slot {self.number}: processes survive in {self.cgroups.folders}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _stop_launcher(self) -> None:
        if self._socket is not None:
            self._socket.close()
        # The kernel ends what the launcher started after the launcher itself.
        await self.kill()
        self._process = None
        try:
            self.cgroups.remove()
        except OSError as error:
            _log.error("cgroup_left_behind", slot=self.number, error=str(error))

    async def _answer(self, seconds: float) -> dict[str, Any]:
        if self._socket is None:
            raise SandboxBrokenError(f"slot {self.number} is not started")
        try:
            packet, _ = await self._socket.receive(seconds)
        except TimeoutError:
            raise SandboxBrokenError(f"slot {self.number}: no answer from its launcher in {seconds} s") from None
        if not packet:
            raise SandboxBrokenError(f"slot {self.number}: its launcher ended unasked")
        answer: dict[str, Any] = json.loads(packet)
        return answer
