"""Sees one program to its end: loads it, lets it go, keeps its limits, tells how it ended."""

import asyncio
import contextlib
import math
import os
import resource
import signal
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialbox.server import handover, outcome, watching
from trialbox.server.cgroups import Counters
from trialbox.server.guest import frames
from trialbox.server.model import (
    Execution,
    IsolationPath,
    JailEndedError,
    JailSilentError,
    Job,
    Limits,
    Outcome,
    ProcessLostError,
    SandboxBrokenError,
    SkippedFile,
    Usage,
)
from trialbox.server.output import BoundedOutput, PipeReader
from trialbox.server.packets import Packet
from trialbox.server.silence import Silence
from trialbox.server.watching import Records, Watch

if TYPE_CHECKING:
    from trialbox.server.jail import Jail

_LOAD_SECONDS = 10.0
# What it may take, after the program's time is up, to hear of its end.
_GRACE_SECONDS = 2.0
_COLLECT_SECONDS = 10.0
# How often the kernel's counters are looked at while a program runs.
_LOOK_SECONDS = 0.05
_MINIMUM_LOOK_SECONDS = 0.005
# Most programs have ended before, and need no looking after: what they put out waits in its pipe.
_FIRST_LOOK_SECONDS = 0.005
# RLIMIT_CPU goes by ticks, which on a busy machine run ahead of what is reported.
_ACCOUNT_SHARE = 0.5
# Requests above this are laid out before the counters are read: what that takes is not the program's.
_LARGE_BYTES = 64 << 10
# Room for the helper that collects files from a workspace that fills the limit.
_COLLECT_MEMORY_BYTES = 64 << 20
_COLLECT_BYTES = 16 << 20

_PROCESSORS = os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    reason: bytes
    wait_status: int
    wall_seconds: float
    setup_seconds: float = 0.0
    user_cpu_seconds: float = 0.0
    system_cpu_seconds: float = 0.0
    setup_cpu_seconds: float = 0.0
    jail_alive: bool = False


class Supervisor:
    """One program in the process that stands ready in a jail; `run` once."""

    def __init__(self, jail: "Jail", job: Job) -> None:
        self._jail = jail
        self._job = job
        self._cgroups = jail.place.cgroups
        self._loop = asyncio.get_running_loop()
        self._stdout = BoundedOutput(job.limits.output_bytes)
        self._stderr = BoundedOutput(job.limits.output_bytes)
        self._readers: list[PipeReader] = []
        self._kept: dict[str, int] = {}
        self._began = 0.0
        self._released = False
        """Whether the program was let go: before that, nobody would read that it must end."""
        self._ended = False
        self._stopped_early = b""
        self._tells = job.part is None or job.part.writes_records
        self._before = Counters()
        self._timer: asyncio.TimerHandle | None = None
        self._silence: Silence | None = None
        if job.limits.no_output_seconds is not None:
            self._silence = Silence(
                job.limits.no_output_seconds, look=self._look_for_output, too_long=lambda: self.stop(b"no_output")
            )

    async def run(self, watch: Watch | None) -> Execution:
        """Run the program; see Jail.run."""
        try:
            end = await self._run_to_end(watch)
            self._ended = True
            for reader in self._readers:
                reader.drain()
            usage = self._usage(end)
            how = outcome.decide(
                reason=end.reason,
                wait_status=end.wait_status,
                oom_kills=self._oom_kills(),
                output_exceeded=self._stdout.truncated or self._stderr.truncated,
            )
            files, skipped = await self._collect(end)
        finally:
            self._ended = True
            if self._timer is not None:
                self._timer.cancel()
            if self._silence is not None:
                self._silence.end()
            for reader in self._readers:
                reader.close()
            for descriptor in self._kept.values():
                os.close(descriptor)
        return Execution(
            outcome=how,
            isolation=self._path,
            exit_code=os.WEXITSTATUS(end.wait_status) if os.WIFEXITED(end.wait_status) else None,
            signal=os.WTERMSIG(end.wait_status) if os.WIFSIGNALED(end.wait_status) else None,
            stdout=self._stdout.kept(),
            stderr=self._stderr.kept(),
            stdout_truncated=self._stdout.truncated,
            stderr_truncated=self._stderr.truncated,
            exception=outcome.exception_from(self._stderr.kept()) if how is Outcome.FAILED else None,
            files=files,
            skipped_files=skipped,
            usage=usage,
        )

    def stop(self, reason: bytes) -> None:
        """Have the program ended, for one of outcome.REASONS, unless it has ended."""
        if self._ended:  # the jail may be another program's by now
            return
        if not self._released:
            self._stopped_early = reason
            return
        with contextlib.suppress(SandboxBrokenError):  # then it has
            self._jail.send_numbered(b"kill", reason)

    def cpu_seconds(self) -> float:
        """Processor time of all that runs in the slot."""
        return self._cgroups.cpu_seconds() - self._before.cpu_seconds

    def starved_seconds(self) -> float:
        """How long the program's main thread has been ready to run without getting a processor."""
        try:
            return watching.starved_seconds(self._jail.program_pid)
        except OSError:
            return 0.0

    async def _run_to_end(self, watch: Watch | None) -> _End:
        self._began = time.monotonic()
        try:
            self._before = await self._jail.place.read_idle()
            await self._let_go(watch)
            # Whoever watches or follows wants to see it as it happens.
            if (watch is not None and self._tells) or self._job.follower is not None:
                self._look_after()
            else:
                self._timer = self._loop.call_later(_FIRST_LOOK_SECONDS, self._look_after)
            return await self._wait_for_end()
        except ProcessLostError as error:
            return self._by_memory(error, started=False)
        except JailEndedError as error:
            # Its end of the socket closes before the kernel has ended the rest.
            await self._jail.wait_until_gone()
            return self._by_memory(error, started=self._released)
        except SandboxBrokenError as error:
            error.started = self._released
            raise

    async def _let_go(self, watch: Watch | None) -> None:
        """Hand over the request and its limits: from here on the program may run."""
        job = self._job
        payload = handover.payload(job, self._resource_limits(job.limits))
        self._kept["payload"] = handover.sealed("payload", payload)
        feeds = [self._bounded(self._stdout), self._bounded(self._stderr)]
        records = watch(self) if watch is not None else None
        if job.part is not None and self._tells:
            feeds.append(records or (lambda data: None))
        theirs = [handover.sealed("stdin", job.program.stdin)]
        try:
            theirs.extend(map(self._pipe, feeds))
            stdin, *pipes = theirs
            descriptors = (stdin, self._kept["payload"], *pipes, *(job.part.descriptors if job.part else ()))
            go = (b"%d" % (job.limits.wall_seconds * 1e9), b"1" if job.collect else b"0")
            if len(payload) > _LARGE_BYTES:
                # The last program's limits may be in force: they are not for this.
                self._cgroups.set_limits(memory_bytes=None, processes=None)
                self._jail.send_numbered(b"load", *go, descriptors=descriptors)
                await self._expect(b"loaded", _LOAD_SECONDS)
                self._before = self._cgroups.read()
                descriptors = ()
            self._put_limits_in_force()
            self._jail.send_numbered(b"go", *go, descriptors=descriptors)
            self._released = True
            if job.follower is not None:
                job.follower.started(self._path, self._stdout, self._stderr)
            if self._silence is not None:
                self._silence.begin()
            if self._stopped_early:
                self.stop(self._stopped_early)
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def _pipe(self, feed: Records) -> int:
        """Begin to read a new pipe; return its other end, the program's."""
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        self._readers.append(PipeReader(read_end, feed))
        # So that the program may open /dev/stdout anew.
        program_id = self._jail.place.program_host_id
        os.fchown(write_end, program_id, program_id)
        return write_end

    def _put_limits_in_force(self) -> None:
        limits = self._job.limits
        self._cgroups.set_limits(
            memory_bytes=self._before.memory_bytes + limits.memory_bytes,
            # The program's first process is among those counted.
            processes=self._jail.place.idle_processes - 1 + limits.processes,
        )
        self._cgroups.reset_peak()

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

    async def _wait_for_end(self) -> _End:
        limits = self._job.limits
        try:
            _, fields = await self._expect(b"end", limits.wall_seconds + _GRACE_SECONDS)
        except JailSilentError:
            # The fork server should have ended it: the backstop does, and says so.
            await self._jail.place.kill()
            return _End(reason=b"wall", wait_status=signal.SIGKILL, wall_seconds=time.monotonic() - self._began)
        _, _, reason, status, user, system, begun, ended, setup_cpu = fields
        end = _End(
            reason=reason,
            wait_status=int(status),
            wall_seconds=(int(ended) - int(begun)) / 1e9,
            setup_seconds=max(0.0, int(begun) / 1e9 - self._began),
            user_cpu_seconds=int(user) / 1e6,
            system_cpu_seconds=int(system) / 1e6,
            setup_cpu_seconds=int(setup_cpu) / 1e9,
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

    def _by_memory(self, error: SandboxBrokenError, *, started: bool) -> _End:
        """Whether want of memory explains it, which may have hit the fork server; raises `error` else."""
        if not self._oom_kills():
            error.started = started
            raise error
        return _End(reason=b"memory", wait_status=signal.SIGKILL, wall_seconds=time.monotonic() - self._began)

    def _look_for_output(self) -> None:
        for reader in self._readers:
            reader.look()

    def _look_after(self) -> None:
        """Take its output, end it when the kernel's counters say so, and look again a little later."""
        for reader in self._readers:
            reader.start()
        left = self._job.limits.cpu_seconds - self.cpu_seconds()
        if left <= 0:
            self.stop(b"cpu")
        elif self._oom_kills():
            self.stop(b"memory")
        else:
            seconds = min(_LOOK_SECONDS, max(_MINIMUM_LOOK_SECONDS, left / _PROCESSORS))
            self._timer = self._loop.call_later(seconds, self._look_after)

    def _usage(self, end: _End) -> Usage:
        user, system = end.user_cpu_seconds, end.system_cpu_seconds
        if self._cgroups.has("cpu"):
            # Exact, and of all processes; how it divides is known of those waited for only.
            exact = self.cpu_seconds() - end.setup_cpu_seconds
            user, system = divided(max(0.0, exact), user, system)
        peak = self._cgroups.peak_memory_bytes() - self._before.memory_bytes
        return Usage(
            wall_seconds=end.wall_seconds,
            user_cpu_seconds=user,
            system_cpu_seconds=system,
            peak_memory_bytes=max(0, peak),
            setup_seconds=end.setup_seconds,
        )

    async def _collect(self, end: _End) -> tuple[dict[str, bytes], tuple[SkippedFile, ...]]:
        if not self._job.collect:
            return {}, ()
        try:
            if not end.jail_alive or "workspace" not in self._kept:
                raise SandboxBrokenError("the jail ended with the program")
            return await self._collected()
        except (SandboxBrokenError, ValueError) as error:
            # How the program ended is known; that its files are lost is no reason to lose it.
            return {}, (SkippedFile(path=b".", reason=f"nothing could be collected: {error}"),)

    async def _collected(self) -> tuple[dict[str, bytes], tuple[SkippedFile, ...]]:
        self._cgroups.set_limits(
            memory_bytes=self._before.memory_bytes + self._job.limits.memory_bytes + _COLLECT_MEMORY_BYTES,
            processes=None,
        )
        results = bytearray()
        write_end = self._pipe(results.extend)
        self._readers[-1].start()
        try:
            descriptors = (self._kept["workspace"], self._kept["payload"], write_end)
            self._jail.send_numbered(b"collect", b"%d" % _COLLECT_BYTES, descriptors=descriptors)
        finally:
            os.close(write_end)
        await self._expect(b"collected", _COLLECT_SECONDS)
        self._readers[-1].drain()
        fields = frames.unpack(bytes(results))
        files: dict[str, bytes] = {}
        skipped = []
        for name, refusal, content in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
            try:
                path = name.decode()
            except UnicodeDecodeError:
                refusal = refusal or b"its name is not UTF-8"
            if refusal:
                skipped.append(SkippedFile(path=name, reason=refusal.decode(errors="replace")))
            else:
                files[path] = content
        return files, tuple(skipped)

    async def _expect(self, name: bytes, seconds: float) -> tuple[Packet, list[bytes]]:
        """Wait for a packet of this name; on the way, keep what the process tells of its workspace."""
        while True:
            packet, fields = await self._jail.expect((name, b"workspace"), seconds)
            if fields[0] == name:
                return packet, fields
            if packet.descriptor is not None:
                self._kept["workspace"] = packet.descriptor

    def _bounded(self, stream: BoundedOutput) -> Records:
        follower, silence = self._job.follower, self._silence

        def feed(data: bytes) -> None:
            before = stream.truncated
            stream.feed(data)
            if silence is not None:
                silence.broken()
            if follower is not None:
                follower.wrote()
            if stream.truncated and not before:
                self.stop(b"output")

        return feed

    @property
    def _path(self) -> IsolationPath:
        return IsolationPath.WARM if self._jail.spec.warm else IsolationPath.COLD

    def _oom_kills(self) -> int:
        return self._cgroups.oom_kills() - self._before.oom_kills


def divided(total: float, user: float, system: float) -> tuple[float, float]:
    """Divide `total` seconds into user and system time as the two given are to each other."""
    share = user / (user + system) if user + system else 1.0
    return total * share, total - total * share
