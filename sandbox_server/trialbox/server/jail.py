"""One execution on a cold slot: start a jail, let the program run, tell how it ended."""

import asyncio
import contextlib
import math
import os
import resource
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from trialbox.server import handover, nsjail, outcome
from trialbox.server.cgroups import Counters, SlotCgroups
from trialbox.server.guest import frames
from trialbox.server.model import (
    Execution,
    Job,
    Limits,
    Outcome,
    SandboxBrokenError,
    SkippedFile,
    Usage,
    WorkspaceError,
)
from trialbox.server.nsjail import JailSpec
from trialbox.server.output import BoundedOutput, PipeReader
from trialbox.server.packets import PacketSocket
from trialbox.server.runtimes import Runtime
from trialbox.server.watching import Records, Watch

# What a jail may take to get ready, and, after the program's time is up, to say so.
_SETUP_SECONDS = 10.0
_GRACE_SECONDS = 2.0
_COLLECT_SECONDS = 10.0
# How often the kernel's counters are looked at while a program runs.
_MONITOR_SECONDS = 0.05
_MONITOR_MINIMUM_SECONDS = 0.005
# RLIMIT_CPU goes by ticks, which on a busy machine run ahead of what is reported.
_ACCOUNT_SHARE = 0.5
# Chosen first when memory runs out, before the launcher, nsjail and init.
_OOM_SCORE = b"1000"
# Room for the helper that collects files from a workspace that fills the limit.
_COLLECT_MEMORY_BYTES = 64 << 20
COLLECT_BYTES = 16 << 20

_PROCESSORS = os.cpu_count() or 1


class JailPlace(Protocol):
    """What a jail needs of the slot it runs on."""

    runtimes: dict[str, Runtime]
    cgroups: SlotCgroups
    first_host_id: int
    program_host_id: int

    def launch(self, descriptors: tuple[int, ...]) -> None:
        """Start nsjail with these descriptors as its 0, 1, 2, …; raises SandboxBrokenError."""

    async def exited(self) -> bool:
        """Wait for nsjail to end, and with it all of the jail; False when it does not."""

    async def kill(self) -> None:
        """End the jail by force; returns when all of it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    reason: bytes
    wait_status: int
    wall_seconds: float
    jail_alive: bool = False
    user_cpu_seconds: float = 0.0
    system_cpu_seconds: float = 0.0


class Jail:
    """A jail for one job: `start`, `run` once, then `finish`, always."""

    def __init__(self, place: JailPlace, spec: JailSpec) -> None:
        self.spec = spec
        self._place = place
        self._cgroups = place.cgroups
        self._job: Job | None = None
        self._control: PacketSocket | None = None
        self._descriptors: dict[str, int] = {}
        self._pipes: list[PipeReader] = []
        self._launched = False
        self._program_pid = 0
        self._before = Counters()

    async def start(self) -> None:
        """Bring the jail up to where it waits, confined, for a program."""
        place = self._place
        # What is in force is the last program's; so far only trusted code runs.
        self._cgroups.set_limits(memory_bytes=None, processes=None)
        control, init_end = PacketSocket.pair()
        self._control = control
        own = self._descriptors
        own["stdin"] = os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        own["payload"] = os.memfd_create("payload", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        own["log"] = os.memfd_create("nsjail-log", os.MFD_CLOEXEC)
        theirs = {"config": os.memfd_create("config", os.MFD_CLOEXEC)}
        try:
            for name in ("stdout", "stderr", "results"):
                own[name], theirs[name] = os.pipe()
                # So that the program may open /dev/stdout anew.
                os.fchown(theirs[name], place.program_host_id, place.program_host_id)
            runtime = place.runtimes[self.spec.runtime]
            handover.fill(theirs["config"], nsjail.config(self.spec, runtime, first_host_id=place.first_host_id))
            numbered = {
                nsjail.STDIN: own["stdin"],
                nsjail.STDOUT: theirs["stdout"],
                nsjail.STDERR: theirs["stderr"],
                nsjail.CONTROL: init_end.fileno(),
                nsjail.PAYLOAD: own["payload"],
                nsjail.RESULTS: theirs["results"],
                nsjail.CONFIG: theirs["config"],
                nsjail.LOG: own["log"],
            }
            place.launch(tuple(numbered[number] for number in sorted(numbered)))
            self._launched = True
        finally:
            init_end.close()
            for descriptor in theirs.values():
                os.close(descriptor)
        self._program_pid = await self._expect(b"confined")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            Path(f"/proc/{self._program_pid}/oom_score_adj").write_bytes(_OOM_SCORE)

    async def run(self, job: Job, watch: Watch | None = None) -> Execution:
        """Run the program to its end; `watch` is told of it when it starts.

        Raises SandboxBrokenError when the infrastructure failed, WorkspaceError when
        the request's files can't be laid out.
        """
        started = time.monotonic()
        self._job = job
        stdout, stderr = BoundedOutput(job.limits.output_bytes), BoundedOutput(job.limits.output_bytes)
        results = bytearray()
        feeds = {"stdout": self._bounded(stdout), "stderr": self._bounded(stderr)}
        await self._load(job)
        setup_seconds = time.monotonic() - started
        feeds["results"] = (watch(self) if watch else None) or results.extend
        # The readers own their descriptors from here on.
        self._pipes = [PipeReader(self._descriptors.pop(name), feed) for name, feed in feeds.items()]
        end = await self._wait_for_end(job.limits)
        self._drain()
        after = self._cgroups.read()
        peak = self._cgroups.peak_memory_bytes() - self._before.memory_bytes
        how = outcome.decide(
            reason=end.reason,
            wait_status=end.wait_status,
            oom_kills=after.oom_kills - self._before.oom_kills,
            output_exceeded=stdout.truncated or stderr.truncated,
        )
        files: dict[str, bytes] = {}
        skipped: tuple[SkippedFile, ...] = ()
        if job.collect:
            try:
                if not end.jail_alive:
                    raise SandboxBrokenError("the jail ended with the program")
                files, skipped = await self._collect(job, results)
            except (SandboxBrokenError, ValueError) as error:
                # How the program ended is known; that its files are lost is no reason to lose it.
                skipped = (SkippedFile(path=b".", reason=f"nothing could be collected: {error}"),)
        user, system = end.user_cpu_seconds, end.system_cpu_seconds
        if self._cgroups.has("cpu"):
            user, system = after.cpu_since(self._before)
        return Execution(
            outcome=how,
            exit_code=os.WEXITSTATUS(end.wait_status) if os.WIFEXITED(end.wait_status) else None,
            signal=os.WTERMSIG(end.wait_status) if os.WIFSIGNALED(end.wait_status) else None,
            stdout=stdout.kept(),
            stderr=stderr.kept(),
            stdout_truncated=stdout.truncated,
            stderr_truncated=stderr.truncated,
            exception=outcome.exception_from(stderr.kept()) if how is Outcome.FAILED else None,
            files=files,
            skipped_files=skipped,
            usage=Usage(
                wall_seconds=end.wall_seconds,
                user_cpu_seconds=user,
                system_cpu_seconds=system,
                peak_memory_bytes=max(0, peak),
                setup_seconds=setup_seconds,
            ),
        )

    def stop(self, reason: bytes) -> None:
        """Have init end the program, for one of outcome.REASONS, unless it has ended."""
        if self._control is not None:
            self._control.send(frames.pack(b"kill", reason))

    def cpu_seconds(self) -> float:
        """Processor time of all that runs in the jail."""
        return self._cgroups.cpu_seconds() - self._before.cpu_seconds

    def starved_seconds(self) -> float:
        """How long the program's main thread has been ready to run without getting a processor."""
        try:
            return int(Path(f"/proc/{self._program_pid}/schedstat").read_bytes().split()[1]) / 1e9
        except OSError:  # it has ended, or this kernel does not tell
            return 0.0

    async def finish(self) -> bool:
        """End the jail and all in it; False when the slot can't be trusted any more."""
        if self._control is not None:
            # Init exits at either, and the kernel then kills all that is left in the jail.
            self._control.send(frames.pack(b"exit"))
            self._control.close()
        clean = not self._launched or await self._place.exited()
        for pipe in self._pipes:
            pipe.close()
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()
        return clean

    async def _load(self, job: Job) -> None:
        """Hand over the request, wait for it to be laid out, and put its limits in force."""
        payload = handover.payload(job, self._resource_limits(job.limits))
        for name, content in (("stdin", job.program.stdin), ("payload", payload)):
            handover.fill(self._descriptors[name], content)
            handover.seal(self._descriptors[name])
        self._send(b"load")
        await self._expect(b"ready")
        self._before = self._cgroups.read()
        self._cgroups.set_limits(
            memory_bytes=self._before.memory_bytes + job.limits.memory_bytes,
            # The program's first process is among those counted.
            processes=self._before.processes - 1 + job.limits.processes,
        )
        self._cgroups.reset_peak()
        self._send(b"go", b"%d" % int(job.limits.wall_seconds * 1e9))

    def _resource_limits(self, limits: Limits) -> dict[int, int]:
        """What the kernel bounds by process; where a cgroup is missing, that is all there is."""
        chosen = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: limits.disk_bytes,
            resource.RLIMIT_NOFILE: limits.open_files,
        }
        if not self._cgroups.has("memory"):
            chosen[resource.RLIMIT_DATA] = limits.memory_bytes
        if not self._cgroups.has("pids"):
            chosen[resource.RLIMIT_NPROC] = limits.processes
        if not self._cgroups.has("cpu"):
            chosen[resource.RLIMIT_CPU] = math.ceil(limits.cpu_seconds)
        return chosen

    async def _wait_for_end(self, limits: Limits) -> _End:
        monitor = asyncio.create_task(self._monitor(limits))
        started = time.monotonic()
        try:
            packet, _ = await self._receive(limits.wall_seconds + _GRACE_SECONDS)
        except TimeoutError:
            # Init should have ended it: the backstop does, and says so.
            await self._place.kill()
            return _End(reason=b"wall", wait_status=signal.SIGKILL, wall_seconds=time.monotonic() - started)
        finally:
            monitor.cancel()
        if not packet:
            # Init's end of the socket closes before the kernel has ended the rest.
            if not await self._place.exited():
                await self._place.kill()
            if self._oom_kills():  # it may have hit init; the program's end is known all the same
                return _End(reason=b"memory", wait_status=signal.SIGKILL, wall_seconds=time.monotonic() - started)
            raise SandboxBrokenError(f"the jail ended without a report{self._log()}")
        name, reason, status, user, system, wall = frames.unpack(packet)
        if name != b"end":
            raise SandboxBrokenError(f"unexpected report {name!r} from the jail")
        end = _End(
            reason=reason,
            wait_status=int(status),
            wall_seconds=int(wall) / 1e9,
            user_cpu_seconds=int(user) / 1e6,
            system_cpu_seconds=int(system) / 1e6,
            jail_alive=True,
        )
        used = end.user_cpu_seconds + end.system_cpu_seconds
        if (
            not self._cgroups.has("cpu")
            and end.wait_status == signal.SIGKILL
            and used >= limits.cpu_seconds * _ACCOUNT_SHARE
        ):
            return replace(end, reason=b"cpu")  # the kernel's doing, by RLIMIT_CPU
        return end

    async def _monitor(self, limits: Limits) -> None:
        """End the program when the kernel's counters say so."""
        while True:
            left = limits.cpu_seconds - self.cpu_seconds()
            if left <= 0:
                self.stop(b"cpu")
                return
            await asyncio.sleep(min(_MONITOR_SECONDS, max(_MONITOR_MINIMUM_SECONDS, left / _PROCESSORS)))
            if self._oom_kills():
                self.stop(b"memory")
                return

    async def _collect(self, job: Job, results: bytearray) -> tuple[dict[str, bytes], tuple[SkippedFile, ...]]:
        self._cgroups.set_limits(
            memory_bytes=self._before.memory_bytes + job.limits.memory_bytes + _COLLECT_MEMORY_BYTES,
            processes=None,
        )
        patterns = [os.fsencode(pattern) for pattern in job.collect]
        self._send(b"collect", b"%d" % COLLECT_BYTES, *patterns)
        await self._expect(b"collected", _COLLECT_SECONDS)
        self._drain()
        fields = frames.unpack(bytes(results))
        files: dict[str, bytes] = {}
        skipped = []
        for packed in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
            name, refusal, content = packed
            try:
                path = name.decode()
            except UnicodeDecodeError:
                refusal = refusal or b"its name is not UTF-8"
            if refusal:
                skipped.append(SkippedFile(path=name, reason=refusal.decode(errors="replace")))
            else:
                files[path] = content
        return files, tuple(skipped)

    async def _receive(self, seconds: float) -> tuple[bytes, int]:
        if self._control is None:
            raise SandboxBrokenError("the jail was not started")
        return await self._control.receive(seconds)

    async def _expect(self, name: bytes, seconds: float = _SETUP_SECONDS) -> int:
        """Wait for a message of this name; return its sender's pid on the host."""
        try:
            packet, sender = await self._receive(seconds)
        except TimeoutError:
            raise SandboxBrokenError(f"no {name.decode()!r} from the jail in {seconds} s{self._log()}") from None
        fields = frames.unpack(packet) or [b"nothing"]
        if fields[0] == b"failed":
            raise WorkspaceError(fields[2].decode(errors="replace"))
        if fields[0] != name:
            raise SandboxBrokenError(f"{fields[0]!r} instead of {name!r} from the jail{self._log()}")
        return sender

    def _send(self, *fields: bytes) -> None:
        if self._control is None or not self._control.send(frames.pack(*fields)):
            raise SandboxBrokenError(f"the jail is gone{self._log()}")

    def _bounded(self, stream: BoundedOutput) -> Records:
        def feed(data: bytes) -> None:
            before = stream.truncated
            stream.feed(data)
            if stream.truncated and not before:
                self.stop(b"output")

        return feed

    def _drain(self) -> None:
        for pipe in self._pipes:
            pipe.drain()

    def _oom_kills(self) -> int:
        return self._cgroups.oom_kills() - self._before.oom_kills

    def _log(self) -> str:
        text = os.pread(self._descriptors["log"], 4096, 0).decode(errors="replace").strip()
        return f"; nsjail: {text or 'silent'}"
