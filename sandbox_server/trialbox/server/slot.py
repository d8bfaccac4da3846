"""A slot: its cgroups, its resident launcher, and the jails it keeps ready for the next program."""

import asyncio
import enum
import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from trialbox.server import nsjail
from trialbox.server.cgroup_host import CgroupHost
from trialbox.server.cgroups import Counters, SlotCgroups
from trialbox.server.jail import DiskSize, Jail
from trialbox.server.model import Execution, IsolationPath, Job, Role, SandboxBrokenError
from trialbox.server.nsjail import JailSpec
from trialbox.server.packets import PacketSocket
from trialbox.server.runtimes import Runtime
from trialbox.server.watching import Watch

_LAUNCHER = Path(__file__).with_name("launcher.py")
_START_SECONDS = 30.0
_EXIT_SECONDS = 5.0
_POLL_SECONDS = 0.005
# A slot that idles holds a little more or less from time to time.
_TOLERATED_BYTES = 2 << 20
# What hundreds of processes held takes so long to be uncharged.
_GIVEN_BACK_SECONDS = 1.0
# More than a jail of the default runtime holds.
_JAIL_BYTES = 16 << 20

_log = structlog.get_logger(__name__)


class Recycling(enum.Enum):
    """Why a jail was replaced."""

    USED_UP = "used_up"
    """It has run as many programs as the operator allows a warm jail."""
    COLD = "cold"
    """It was for one program."""
    DOUBT = "doubt"
    """Something was not as it should be, so the whole slot was started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotConfig:
    """What all slots of a server share."""

    runtimes: dict[str, Runtime]
    cgroup_host: CgroupHost
    first_host_id: int
    usual_disk: DiskSize
    """What most requests ask for: a process with folders of this size stands ready ahead of the next one."""
    executions_by_jail: int
    """How many programs a warm jail runs before another takes its place."""
    roles: tuple[Role, ...]
    """The scripts of ours that warm jails have loaded before one is to run."""
    recycled: Counter[Recycling] = field(default_factory=Counter)
    """Counts the jails that the slots replaced."""


class Slot:
    """A place where one program at a time runs.

    For each warm runtime it keeps a jail ready; a cold jail is for one program only, and
    once one was asked for, another is started ahead of the next.
    """

    def __init__(self, number: int, config: SlotConfig) -> None:
        self.number = number
        self.runtimes = config.runtimes
        self.roles = config.roles
        self.first_host_id = config.first_host_id + number * nsjail.IDS_PER_SLOT
        self.program_host_id = self.first_host_id + 1
        self.cgroups = SlotCgroups({})
        self.idle_processes = 0
        """How many processes the slot has while no program runs; 0 until they are counted."""
        self._idle_memory_bytes = 0
        """What they hold; 0 until it is read."""
        self._first_idle_memory_bytes = 0
        """The same before the slot's first program."""
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: PacketSocket | None = None
        self._jails: dict[JailSpec, Jail] = {}
        self._used: Jail | None = None
        self._sound = False
        self._launches = itertools.count(1)
        self._exits: dict[int, int] = {}

    def has_ready(self, job: Job) -> bool:
        """Whether a jail for this job stands ready."""
        return _spec(job) in self._jails

    async def execute(self, job: Job, watch: Watch | None = None) -> Execution:
        """Run a job; call `renew` afterwards, whatever happened.

        Raises SandboxBrokenError and WorkspaceError, see Jail.run.
        """
        asked = time.monotonic()
        spec = _spec(job)
        jail = self._jails.get(spec)
        if jail is None:
            jail = await self._start_jail(spec)
        self._used = jail
        started = time.monotonic()
        execution = await jail.run(job, watch)
        execution.usage.setup_seconds += started - asked
        return execution

    async def renew(self) -> None:
        """End what ran and make ready for the next; raises SandboxBrokenError."""
        jail, self._used = self._used, None
        # Until all stands again, whatever interrupts leaves the slot in doubt.
        sound, self._sound = self._sound, False
        if not sound or (jail is not None and not await self._renew_jail(jail)):
            _log.warning("slot_restarted", slot=self.number)
            self._config.recycled[Recycling.DOUBT] += 1
            await self.stop()
            await self.start()
        self._sound = True

    async def start(self) -> None:
        """Start the launcher inside the slot's own cgroups, and a jail for each warm runtime.

        Raises SandboxBrokenError.
        """
        await self._start_launcher()
        for name, runtime in self.runtimes.items():
            if runtime.warm:
                await self._start_jail(JailSpec(runtime=name, hash_seed=0, warm=True))
        self._sound = True

    async def stop(self) -> None:
        """End whatever runs, and leave nothing behind."""
        self._sound = False
        # Whoever in a jail has no launcher any more to go with reads the end at its socket.
        for jail in self._jails.values():
            jail.close()
        self._jails.clear()
        # The kernel ends what the launcher started after the launcher itself.
        await self._stop_launcher()

    async def _renew_jail(self, jail: Jail) -> bool:
        """Make a used jail ready again, or put another in its place; False when the slot is in doubt."""
        at_most = self._config.executions_by_jail if jail.spec.warm else 1
        try:
            if not await jail.settle():
                return False
            if jail.executions < at_most:
                await jail.prepare(self._config.usual_disk)
                return True
            self._config.recycled[Recycling.USED_UP if jail.spec.warm else Recycling.COLD] += 1
            del self._jails[jail.spec]
            self._forget_idle()
            if not await jail.stop():
                return False
            if jail.spec.hash_seed == 0:
                await self._start_jail(jail.spec)
        except SandboxBrokenError as error:
            _log.warning("jail_broken", slot=self.number, error=str(error))
            return False
        return True

    async def _start_jail(self, spec: JailSpec) -> Jail:
        self._sound = False
        self._forget_idle()
        jail = self._jails[spec] = Jail(self, spec)
        await jail.start()
        await jail.prepare(self._config.usual_disk)
        self._sound = True
        return jail

    def _forget_idle(self) -> None:
        self.idle_processes = self._idle_memory_bytes = 0

    async def _start_launcher(self) -> None:
        self._launches, self._exits = itertools.count(1), {}
        self._first_idle_memory_bytes = 0
        self.cgroups = SlotCgroups.create(self._config.cgroup_host.hierarchies, f"trialbox-{os.getpid()}-{self.number}")
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

    def launch(self, descriptors: tuple[int, ...]) -> int:
        """Start nsjail with these descriptors as its 0, 1, 2, …; return the launch's number.

        Raises SandboxBrokenError.
        """
        launch = next(self._launches)
        packet = json.dumps({"launch": launch, "argv": nsjail.command()}).encode()
        if self._socket is None or not self._socket.send(packet, descriptors):
            raise SandboxBrokenError(f"slot {self.number}: its launcher is gone")
        return launch

    def count_processes(self) -> None:
        """Make sure that nobody is there but those who wait.

        Raises SandboxBrokenError: a process that was not ended is reason for doubt.
        """
        count = self.cgroups.processes()
        if not self.idle_processes:
            self.idle_processes = count
        elif count > self.idle_processes:
            raise SandboxBrokenError(f"slot {self.number}: {count - self.idle_processes} processes were left behind")

    async def read_idle(self) -> Counters:
        """Read the counters while no program runs.

        What the last program left charged (cached names of files, sockets not yet collected)
        must not add to what the next may use; the kernel gives some of it back a little later.
        Raises SandboxBrokenError where it stays.
        """
        counters = self.cgroups.read()
        if not self._idle_memory_bytes:
            if self._first_idle_memory_bytes:
                self.cgroups.reclaim()
                counters = self.cgroups.read()
            else:
                self._first_idle_memory_bytes = counters.memory_bytes
            self._idle_memory_bytes = counters.memory_bytes
        at_most = min(
            self._idle_memory_bytes + _TOLERATED_BYTES,
            self._first_idle_memory_bytes + _TOLERATED_BYTES + _JAIL_BYTES * len(self._jails),
        )
        deadline = asyncio.get_running_loop().time() + _GIVEN_BACK_SECONDS
        while counters.memory_bytes > at_most:
            self.cgroups.reclaim()
            counters = self.cgroups.read()
            if counters.memory_bytes <= at_most:
                break
            if asyncio.get_running_loop().time() > deadline:
                self._sound = False
                raise SandboxBrokenError(
                    f"slot {self.number}: {counters.memory_bytes - at_most} bytes were left behind"
                )
            await asyncio.sleep(_POLL_SECONDS)
        return counters

    async def exited(self, launch: int) -> bool:
        """Wait for this nsjail to end, and with it all of the jail; False when it does not."""
        try:
            while launch not in self._exits:
                answer = await self._answer(_EXIT_SECONDS)
                self._exits[int(answer["launch"])] = int(answer["exited"])
        except SandboxBrokenError:
            return False
        del self._exits[launch]
        return True

    async def kill(self) -> None:
        """End all jails by force, the launcher with them; returns when all of it is gone."""
        self._sound = False
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        deadline = asyncio.get_running_loop().time() + _EXIT_SECONDS
        while self.cgroups.any_process():
            self.cgroups.kill_processes()
            if asyncio.get_running_loop().time() > deadline:
                raise SandboxBrokenError(f"slot {self.number}: processes survive in {self.cgroups.folders}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _stop_launcher(self) -> None:
        if self._socket is not None:
            self._socket.close()
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
            packet = await self._socket.receive(seconds)
        except TimeoutError:
            raise SandboxBrokenError(f"slot {self.number}: no answer from its launcher in {seconds} s") from None
        if not packet.data:
            raise SandboxBrokenError(f"slot {self.number}: its launcher ended unasked")
        answer: dict[str, Any] = json.loads(packet.data)
        return answer


def _spec(job: Job) -> JailSpec:
    return JailSpec(
        runtime=job.program.runtime,
        hash_seed=job.program.hash_seed,
        warm=job.isolation is IsolationPath.WARM,
    )
