"""One jail: an nsjail and the fork server in it, which keeps a confined process ready for the next program."""

import itertools
import os
import time
from dataclasses import dataclass
from typing import Protocol

from trialbox.server import nsjail
from trialbox.server.cgroups import Counters, SlotCgroups
from trialbox.server.model import (
    Execution,
    JailEndedError,
    JailSilentError,
    Job,
    Limits,
    ProcessLostError,
    Role,
    SandboxBrokenError,
    WorkspaceError,
)
from trialbox.server.nsjail import JailSpec
from trialbox.server.packets import Packet, PacketSocket
from trialbox.server.runtimes import Runtime
from trialbox.server.supervisor import Supervisor
from trialbox.server.watching import Watch

# What a jail may take to get ready, and a process in it.
_START_SECONDS = 20.0
_PREPARE_SECONDS = 10.0
# What a program may take to end once it was told to.
_SETTLE_SECONDS = 5.0
# Getting ready takes less.
_ROOM_BYTES = 32 << 20
_ROOM_PROCESSES = 4
_DIAGNOSIS_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSize:
    """What each of a program's private folders holds."""

    bytes: int
    inodes: int

    @classmethod
    def of(cls, limits: Limits) -> "DiskSize":
        """What these limits allow."""
        return cls(bytes=limits.disk_bytes, inodes=limits.disk_inodes)


class JailPlace(Protocol):
    """What a jail needs of the slot it runs on."""

    runtimes: dict[str, Runtime]
    roles: tuple[Role, ...]
    cgroups: SlotCgroups
    first_host_id: int
    program_host_id: int
    idle_processes: int

    async def read_idle(self) -> Counters:
        """Read the counters while no program runs; raises SandboxBrokenError when the last one left too much."""

    def count_processes(self) -> None:
        """Make sure that nobody is there but those who wait; raises SandboxBrokenError."""

    def launch(self, descriptors: tuple[int, ...]) -> int:
        """Start nsjail with these descriptors as its 0, 1, 2, …; return the launch's number."""

    async def exited(self, launch: int) -> bool:
        """Wait for this nsjail to end, and with it all of the jail; False when it does not."""

    async def kill(self) -> None:
        """End all jails by force; returns when all of it is gone."""


class Jail:
    """Runs programs one after another, each in a process of its own with namespaces of its own.

    `start`; then `prepare` and `run` in turns; `stop` at last.
    """

    def __init__(self, place: JailPlace, spec: JailSpec) -> None:
        self.spec = spec
        self.place = place
        self.executions = 0
        """How many programs were run here."""
        self.program_pid = 0
        """The host's name for the process that stands ready, or runs."""
        self._control: PacketSocket | None = None
        self._diagnoses: list[int] = []
        self._launch: int | None = None
        self._numbers = itertools.count(1)
        self._number = b"0"
        self._ready: DiskSize | None = None
        self._running = False
        self._settled = False
        """Whether the process that was asked for last stood ready."""
        self._tight = False
        """Whether the limits in force may leave no room for the next process to get ready."""

    async def start(self) -> None:
        """Bring up nsjail and the fork server; raises SandboxBrokenError."""
        place = self.place
        place.cgroups.set_limits(memory_bytes=None, processes=None)
        self._control, fork_server_end = PacketSocket.pair()
        theirs = {nsjail.CONTROL: fork_server_end.detach()}
        try:
            # Of the kinds that programs get: the interpreter looks at them when it starts.
            theirs[nsjail.STDIN] = os.memfd_create("stdin", os.MFD_CLOEXEC)
            theirs[nsjail.LOG] = os.memfd_create("nsjail-log", os.MFD_CLOEXEC)
            self._diagnoses.append(os.dup(theirs[nsjail.LOG]))
            for number in (nsjail.STDOUT, nsjail.STDERR):
                read_end, theirs[number] = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
                self._diagnoses.append(read_end)
                os.set_blocking(theirs[number], True)
            theirs[nsjail.CONFIG] = os.memfd_create("config", os.MFD_CLOEXEC)
            runtime = place.runtimes[self.spec.runtime]
            config = nsjail.config(self.spec, runtime, first_host_id=place.first_host_id)
            os.pwrite(theirs[nsjail.CONFIG], config, 0)
            self._launch = place.launch(tuple(theirs[number] for number in sorted(theirs)))
        finally:
            for descriptor in theirs.values():
                os.close(descriptor)
        # A jail for one program loads nothing that it may not need.
        roles = ",".join(role.value for role in place.roles) if self.spec.warm else "none"
        preload = runtime.preload if self.spec.warm else ()
        self.send(b"begin", roles.encode(), *map(str.encode, preload))
        await self.expect((b"ready",), _START_SECONDS)

    async def prepare(self, size: DiskSize) -> None:
        """Have a process stand confined, ready for a program; raises SandboxBrokenError."""
        # Until it stands ready, whatever interrupts leaves the jail in doubt.
        ready, self._ready, self._settled = self._ready, None, False
        if ready is not None:
            self.send(b"drop", self._number)
        if self._tight:
            self.place.cgroups.set_limits(memory_bytes=None, processes=None)
            self._tight = False
        self._number = b"%d" % next(self._numbers)
        self.send(b"prepare", self._number, b"size=%d,nr_inodes=%d" % (size.bytes, size.inodes))
        packet, _ = await self.expect((b"confined",), _PREPARE_SECONDS)
        self.program_pid = packet.sender
        self.place.count_processes()
        self._ready, self._settled = size, True

    async def run(self, job: Job, watch: Watch | None = None) -> Execution:
        """Run the program to its end; `watch` is told of it when it starts.

        Raises SandboxBrokenError when the infrastructure failed, WorkspaceError when
        the request's files can't be laid out.
        """
        asked = time.monotonic()
        size = DiskSize.of(job.limits)
        if self._ready != size:
            await self.prepare(size)
        prepared = time.monotonic()
        self._ready = None
        self._running = True
        self._tight = job.limits.memory_bytes < _ROOM_BYTES or job.limits.processes < _ROOM_PROCESSES
        self.executions += 1
        execution = await Supervisor(self, job).run(watch)
        self._running = False
        execution.usage.setup_seconds += prepared - asked
        return execution

    async def settle(self) -> bool:
        """See to it that no program runs; False when the jail can't be trusted to have ended it."""
        if not self._running:
            return self._settled
        try:
            self.send_numbered(b"kill", b"cancelled")
            while True:
                packet, fields = await self.receive(_SETTLE_SECONDS)
                packet.discard()
                if fields[0] in (b"end", b"lost", b"broken", b"failed", b"collected"):
                    return True
        except SandboxBrokenError:
            return False

    async def stop(self) -> bool:
        """End the jail and all in it; False when it does not end."""
        if self._control is not None:
            self._control.close()  # whoever reads the other end exits, and the kernel kills the rest
        ended = self._launch is None or await self.place.exited(self._launch)
        self.close()
        return ended

    async def wait_until_gone(self) -> None:
        """Return when nothing of the jail is left, which has ended or must."""
        if self._launch is None or not await self.place.exited(self._launch):
            await self.place.kill()
        self._launch = None

    def close(self) -> None:
        """Let go of what the jail had of this process; it has ended, or is to be killed."""
        if self._control is not None:
            self._control.close()
        for descriptor in self._diagnoses:
            os.close(descriptor)
        self._diagnoses.clear()

    def send(self, *fields: bytes, descriptors: tuple[int, ...] = ()) -> None:
        """Send a packet to the fork server, or to the process that stands ready.

        Raises SandboxBrokenError when it is gone.
        """
        if self._control is None or not self._control.send(b" ".join(fields), descriptors):
            raise SandboxBrokenError(f"the jail is gone{self.diagnosis()}")

    def send_numbered(self, name: bytes, *fields: bytes, descriptors: tuple[int, ...] = ()) -> None:
        """Send a packet about the process that stands ready, or runs."""
        self.send(name, self._number, *fields, descriptors=descriptors)

    async def receive(self, seconds: float) -> tuple[Packet, list[bytes]]:
        """Return the next packet and its fields; raises JailSilentError, and JailEndedError at the end."""
        if self._control is None:
            raise SandboxBrokenError("the jail was not started")
        try:
            packet = await self._control.receive(seconds)
        except TimeoutError:
            raise JailSilentError(f"nothing from the jail in {seconds} s{self.diagnosis()}") from None
        if not packet.data:
            raise JailEndedError(f"the jail ended unasked{self.diagnosis()}")
        return packet, packet.data.split(b" ")

    async def expect(self, names: tuple[bytes, ...], seconds: float) -> tuple[Packet, list[bytes]]:
        """Wait for a packet of one of these names; return it and its fields.

        Raises WorkspaceError when the process could not lay out its files, else
        SandboxBrokenError.
        """
        packet, fields = await self.receive(seconds)
        while len(fields) > 1 and fields[1].isdigit() and int(fields[1]) < int(self._number):
            packet.discard()  # it is about a process given up before
            packet, fields = await self.receive(seconds)
        if fields[0] in names and (fields[0] == b"ready" or fields[1] == self._number):
            return packet, fields
        if fields[0] == b"unfit":
            raise SandboxBrokenError(f"runtime {self.spec.runtime!r}: {_text(fields[1:])}")
        if fields[0] in (b"failed", b"lost"):
            self._running = False
            if fields[0] == b"lost":
                raise ProcessLostError(f"the process ended before its program started{self.diagnosis()}")
            raise WorkspaceError(_text(fields[2:]))
        raise SandboxBrokenError(f"{packet.data[:80]!r} instead of {names!r} from the jail{self.diagnosis()}")

    def diagnosis(self) -> str:
        """What nsjail and the fork server wrote, to append to a message."""
        texts = []
        for descriptor in self._diagnoses:
            try:
                is_log = descriptor == self._diagnoses[0]
                texts.append(
                    os.pread(descriptor, _DIAGNOSIS_BYTES, 0) if is_log else os.read(descriptor, _DIAGNOSIS_BYTES)
                )
            except BlockingIOError:
                pass
        return f"; it wrote: {b' '.join(texts).decode(errors='replace').strip() or 'nothing'}"


def _text(words: list[bytes]) -> str:
    return b" ".join(words).decode(errors="replace")
