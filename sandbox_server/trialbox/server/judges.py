"""Judges that stand ready: processes that know no program, each in a jail, forked for suites that may leave a trace."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from trialbox.server import handover, watching
from trialbox.server.model import (
    Execution,
    IsolationPath,
    Job,
    Limits,
    Outcome,
    Part,
    Program,
    Role,
    SandboxBrokenError,
)
from trialbox.server.output import PipeReader
from trialbox.server.packets import PacketSocket
from trialbox.server.pool import Pool, PoolState
from trialbox.server.watching import Records, Running

# Whatever goes wrong in one, its judge is replaced; so it is after so many.
_SUITES_BY_JUDGE = 1000
_END_SECONDS = 5.0
_FOR_EVER_SECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Kind:
    """What one judge must have in common with another to take its place.

    A judge that has run a caller's test code serves no other caller.
    """

    caller: str
    runtime: str
    isolation: IsolationPath


@dataclass(frozen=True, slots=True)
class JudgingEnd:
    """How a judge was done with a suite."""

    outcome: Outcome
    detail: str
    signal: int | None = None
    """What ended it, if that was not the host."""


class Judging:
    """A judge, or a fork of it, at work on one suite; a Running for whoever keeps its clock."""

    def __init__(
        self,
        judge: Running,
        process: "asyncio.Future[Execution]",
        packets: PacketSocket,
        descriptors: tuple[int, int],
        feed: Records,
    ) -> None:
        suite, control = descriptors
        read_end, write_end = os.pipe2(os.O_CLOEXEC)
        self._reader = PipeReader(read_end, feed)
        self._reader.start()
        try:
            packets.send(b"judge", (suite, write_end, control))
        finally:
            os.close(write_end)
        self._judge = judge
        self._process = process
        self._packets = packets
        self._pid = 0
        self._starved_before: float | None = None
        self.ended: asyncio.Future[JudgingEnd] = asyncio.ensure_future(self._end())
        """Done when nothing of it is left."""

    def stop(self, reason: bytes) -> None:
        """End it, and its judge with it."""
        self._judge.stop(reason)

    def cpu_seconds(self) -> float:
        """Processor time of its judge so far."""
        return self._judge.cpu_seconds()

    def starved_seconds(self) -> float:
        """How long it has been ready to run without getting a processor, since this was first asked."""
        if not self._pid:  # it has not yet said who it is
            return 0.0
        try:
            starved = watching.starved_seconds(self._pid)
        except OSError:  # it has ended
            return 0.0
        if self._starved_before is None:  # it may be a process that has served others
            self._starved_before = starved
        return starved - self._starved_before

    async def _end(self) -> JudgingEnd:
        try:
            while True:
                packet = await self._packets.receive(_FOR_EVER_SECONDS)
                packet.discard()
                if packet.data == b"started":
                    self._pid = packet.sender
                    continue
                if not packet.data:
                    execution = await self._process
                    return JudgingEnd(execution.outcome, "the judge ended", _signal(execution))
                return _read_end(packet.data)
        finally:
            self._reader.drain()
            self._reader.close()


class Judge:
    """A process that judges one suite after another, in a fork of it where that is needed."""

    def __init__(self, pool: Pool, kind: Kind, limits: Limits) -> None:
        self.kind = kind
        self.suites = 0
        """How many it was given."""
        self._judging: Judging | None = None
        self._packets, theirs = PacketSocket.pair()
        self._running: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
        # None of the files that come with a program: test code and oracles would import what it brought.
        program = Program(source=b"", runtime=kind.runtime)
        part = Part(role=Role.JUDGE, data=b"", descriptors=(theirs.fileno(),))
        job = Job(program=program, limits=limits, isolation=kind.isolation, part=part)
        self._process = asyncio.ensure_future(pool.execute(job, self._attach, caller=kind.caller, bounded=False))
        self._process.add_done_callback(lambda _: theirs.close())

    @property
    def is_alive(self) -> bool:
        """Whether it may be given a suite."""
        return self._running.done() and not self._process.done()

    async def start(self) -> None:
        """Wait until it runs; raises what running a job raises."""
        either: set[asyncio.Future[Any]] = {self._process, self._running}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._running.done():
            await self._process
            raise SandboxBrokenError("a judge ended before it had a suite")

    def begin(self, suite: bytes, control: int, feed: Records) -> Judging:
        """Have it judge a suite, once the last is judged.

        `control` is its end of a socket, `feed` takes its records.
        """
        self.suites += 1
        described = handover.sealed("suite", suite)
        try:
            self._judging = Judging(self._running.result(), self._process, self._packets, (described, control), feed)
        finally:
            os.close(described)
        return self._judging

    async def has_ended_well(self) -> bool:
        """Whether it may be given another suite; waits a little for the last one's end."""
        if self._judging is None:
            return True
        ended = self._judging.ended
        await asyncio.wait({ended}, timeout=_END_SECONDS)
        return ended.done() and ended.exception() is None and ended.result().outcome is Outcome.SUCCEEDED

    async def stop(self) -> None:
        """End it."""
        if self.is_alive:
            self._running.result().stop(b"cancelled")
        else:
            self._process.cancel()
        await asyncio.gather(self._process, return_exceptions=True)
        self._packets.close()

    def _attach(self, running: Running) -> Records | None:
        if not self._running.done():
            self._running.set_result(running)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgesState:
    """How things stand at one moment."""

    idle: int
    """Judges that wait for a suite."""
    busy: int
    pool: PoolState
    """Of the slots they run in."""


class Judges:
    """Gives each evaluation a judge of its kind, at most `count` at once."""

    def __init__(self, pool: Pool, limits: Limits, count: int) -> None:
        self.limits = limits
        """What a judge may use, with all that is forked of it."""
        self._pool = pool
        self._count = count
        self._idle: list[Judge] = []
        self._alive = 0
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def state(self) -> JudgesState:
        """Say how things stand; may be called on any thread."""
        idle = len(self._idle)
        return JudgesState(idle=idle, busy=max(0, self._alive - idle), pool=self._pool.state())

    @asynccontextmanager
    async def judge(self, kind: Kind) -> AsyncIterator[Judge]:
        """Have a judge for one evaluation; raises what running a job raises."""
        judge = await self._take(kind)
        try:
            yield judge
        finally:
            self._later(self._give_back(judge))

    async def stop(self) -> None:
        """End all that stand ready; evaluations under way must have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(judge.stop() for judge in self._idle))
        self._idle.clear()

    async def _take(self, kind: Kind) -> Judge:
        async with self._changed:
            while True:
                self._forget_dead()
                found = next((judge for judge in self._idle if judge.kind == kind), None)
                if found is not None:
                    self._idle.remove(found)
                    return found
                if self._alive < self._count:
                    break
                if self._idle:  # of other kinds
                    self._later(self._lose(self._idle.pop(0)))
                await self._changed.wait()
            self._alive += 1
        judge = Judge(self._pool, kind, self.limits)
        try:
            await judge.start()
        except BaseException:
            self._later(self._lose(judge))
            raise
        return judge

    def _forget_dead(self) -> None:
        for judge in [judge for judge in self._idle if not judge.is_alive]:
            self._idle.remove(judge)
            self._later(self._lose(judge))

    async def _give_back(self, judge: Judge) -> None:
        if judge.suites < _SUITES_BY_JUDGE and await judge.has_ended_well():
            async with self._changed:
                self._idle.append(judge)
                self._changed.notify()
        else:
            await self._lose(judge)

    async def _lose(self, judge: Judge) -> None:
        await judge.stop()
        async with self._changed:
            self._alive -= 1
            self._changed.notify()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _signal(execution: Execution) -> int | None:
    return execution.signal if execution.outcome is Outcome.SIGNALED else None


def _read_end(packet: bytes) -> JudgingEnd:
    """From `ended`, wait status, whether anything was left behind."""
    _, status, left = packet.split(b" ")
    if os.WIFSIGNALED(int(status)):
        number = os.WTERMSIG(int(status))
        return JudgingEnd(Outcome.SIGNALED, f"the judge was ended by signal {number}", number)
    code = os.WEXITSTATUS(int(status))
    if code == 0 and left == b"0":
        return JudgingEnd(Outcome.SUCCEEDED, "the judge exited with status 0")
    return JudgingEnd(Outcome.FAILED, f"the judge exited with status {code}")
