"""Evaluations in which the test plays every process: those of the program, and those of its judges."""

import asyncio
import marshal
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Self

from clockwork import WatchedProcess

from trialbox.server.evaluation import evaluate
from trialbox.server.grading import Case, Check, Evaluation, EvaluationJob, Suite
from trialbox.server.guest import frames
from trialbox.server.guest.channel import GIVEN_UP
from trialbox.server.judges import Judges
from trialbox.server.model import Execution, IsolationPath, Job, Limits, Outcome, Program, ProgramException, Usage
from trialbox.server.watching import Watch

CASE_SECONDS = 5
LIMITS = Limits(
    wall_seconds=100,
    cpu_seconds=50,
    memory_bytes=1 << 28,
    processes=8,
    open_files=64,
    disk_bytes=1 << 20,
    disk_inodes=100,
    output_bytes=1 << 20,
)
JUDGE_LIMITS = replace(LIMITS, memory_bytes=1 << 29)
_DESCRIPTORS = 3
_BY_REASON = {b"wall": Outcome.WALL_TIME_EXCEEDED, b"cancelled": Outcome.CANCELLED, b"forged": Outcome.CANCELLED}


def job(*cases: Case, setup: bytes = b"", oracles: tuple[bytes, ...] = (), **changes: Any) -> EvaluationJob:
    asked = EvaluationJob(
        program=Program(source=b"program", runtime="python"),
        suite=Suite(cases=cases, setup=setup, oracles=oracles),
        limits=LIMITS,
        case_seconds=CASE_SECONDS,
    )
    return replace(asked, **changes)


def checks(count: int) -> list[Check]:
    return [Check(source=b"assert %d" % number) for number in range(count)]


def verdicts(evaluation: Evaluation) -> list[str]:
    return [case.verdict.name for case in evaluation.cases]


def ended(
    outcome: Outcome = Outcome.SUCCEEDED,
    *,
    stdout: bytes = b"",
    exception: ProgramException | None = None,
    usage: Usage | None = None,
) -> Execution:
    """An execution that ended this way."""
    return Execution(
        outcome=outcome,
        isolation=IsolationPath.COLD,
        exit_code={Outcome.SUCCEEDED: 0, Outcome.FAILED: 1}.get(outcome),
        signal=11 if outcome is Outcome.SIGNALED else None,
        stdout=stdout,
        stderr=b"",
        stdout_truncated=False,
        stderr_truncated=False,
        exception=exception,
        files={},
        skipped_files=(),
        usage=usage or Usage(wall_seconds=1.0),
    )


class Process(WatchedProcess):
    """A process of the program that has started."""

    def __init__(self, job: Job, watch: Watch | None) -> None:
        super().__init__()
        self.job = job
        self._records = watch(self) if watch else None

    async def until_stopped(self) -> Execution:
        """Run until the host ends it."""
        await self.stopped.wait()
        return ended(_BY_REASON[self.reasons[0]])

    # What a harness says, and was given.

    def record(self, *fields: bytes) -> None:
        assert self._records is not None
        self._records(frames.pack(frames.pack(*fields)))

    def begin(self, number: int) -> None:
        self.record(b"begin", b"%d" % number)

    def done(self, number: int, verdict: bytes = b"PASSED") -> None:
        self.begin(number)
        self.record(b"end", b"%d" % number, verdict, b"", b"", b"", b"", b"0")

    def asked(self) -> list[int]:
        """The numbers of the cases that it was given."""
        assert self.job.part is not None
        return [int(frames.unpack(case)[0]) for case in frames.unpack(self.job.part.data)[1:]]


Step = Callable[[Process], Execution | Awaitable[Execution]]


class Jail:
    """Plays one step for every process of the program that the evaluation starts."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.processes: list[Process] = []
        self.waiting = 0
        """How many wait for a slot."""
        self.has_slot = asyncio.Event()
        self.has_slot.set()

    async def __call__(self, job: Job, watch: Watch | None = None) -> Execution:
        assert watch is not None
        self.waiting += 1
        try:
            await self.has_slot.wait()
        finally:
            self.waiting -= 1
        process = Process(job, watch)
        self.processes.append(process)
        result = self._steps.pop(0)(process)
        return result if isinstance(result, Execution) else await result


def lives(process: Process) -> Awaitable[Execution]:
    """A candidate that answers as long as the host lets it."""
    return process.until_stopped()


def dies(
    outcome: Outcome, *, exception: ProgramException | None = None, usage: Usage | None = None
) -> Callable[[Process], Execution]:
    """A candidate that ends so at once."""
    return lambda process: ended(outcome, exception=exception, usage=usage)


class JudgeDied(Exception):
    """What ends a judge's process in the middle of a suite."""

    def __init__(self, outcome: Outcome, number: int = 11) -> None:
        self.outcome = outcome
        self.number = number


class PlayedJudge:
    """A judge with a suite, and what it can say and hear."""

    def __init__(self, suite: int, results: int, control: int) -> None:
        data = marshal.loads(os.pread(suite, os.fstat(suite).st_size, 0))
        os.close(suite)
        self.setup, self.cases, self.oracles, self.known, self.fresh = data
        self.said: list[bytes] = []
        """What the host said with each candidate."""
        self._results = results
        self._control = socket.socket(fileno=control)
        self._candidate: socket.socket | None = None

    @property
    def numbers(self) -> list[int]:
        return [case[1] for case in self.cases]

    def says(self, *fields: bytes) -> None:
        os.write(self._results, frames.pack(frames.pack(*fields)))

    def ends(self, number: int, verdict: bytes = b"PASSED") -> None:
        if verdict == b"PASSED":
            self.says(b"passed", b"1000000")
        else:
            self.says(b"end", b"%d" % number, verdict, b"1000000", b"", b"", b"", b"", b"", b"0", b"")

    async def has_candidate(self) -> bool:
        """Wait for the next candidate; False where there is to be none."""
        self.close_candidate()
        await _readable(self._control)
        said, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        if not descriptors:
            return False
        self.said.append(said)
        self._candidate = socket.socket(fileno=descriptors[0])
        return True

    async def candidate_is_gone(self) -> None:
        """Wait until the candidate's end of the channel is closed."""
        assert self._candidate is not None
        await _readable(self._candidate)
        assert self._candidate.recv(1) == b""

    def close_candidate(self) -> None:
        if self._candidate is not None:
            self._candidate.close()
            self._candidate = None

    def close(self) -> None:
        self.close_candidate()
        self._control.close()
        os.close(self._results)


JudgeStep = Callable[[PlayedJudge], Awaitable[None]]


async def judges_all(judge: PlayedJudge) -> None:
    """Plan, and pass every case with one candidate."""
    judge.says(b"planned")
    if await judge.has_candidate():
        judge.says(b"loaded")
        for number in judge.numbers:
            judge.ends(number)
        judge.says(b"done")


def loses(*numbers: int) -> JudgeStep:
    """A judge that passes all cases but these, in which it loses its candidate."""

    async def step(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        left = judge.numbers
        while left and await judge.has_candidate():
            left = left[1:] if judge.said[-1] == GIVEN_UP else left
            if not left:
                break
            judge.says(b"loaded")
            while left and left[0] not in numbers:
                judge.ends(left.pop(0))
            if left:
                await judge.candidate_is_gone()
                judge.says(b"lost", b"the process is gone")
        judge.says(b"done")

    return step


async def waits_in_a_case(judge: PlayedJudge) -> None:
    """A judge whose first case never ends."""
    judge.says(b"planned")
    await judge.has_candidate()
    judge.says(b"loaded")
    await asyncio.Event().wait()


class JudgePool:
    """Plays the processes of judges, one step for each suite."""

    def __init__(self, *steps: JudgeStep, statuses: Iterable[bytes] = ()) -> None:
        self._steps = list(steps)
        self._statuses = list(statuses)
        self.jobs: list[Job] = []
        self.callers: list[str] = []
        self.processes: list[WatchedProcess] = []
        self.suites: list[PlayedJudge] = []
        self.error: Exception | None = None
        """What a judge that is to be started meets."""
        self.starts = True
        """Whether it comes to anything."""

    async def execute(
        self, job: Job, watch: Watch | None = None, *, caller: str = "", bounded: bool = True
    ) -> Execution:
        assert job.part is not None and watch is not None and not bounded
        self.jobs.append(job)
        self.callers.append(caller)
        if self.error is not None:
            raise self.error
        if not self.starts:
            return ended(Outcome.FAILED)
        process = WatchedProcess()
        self.processes.append(process)
        with socket.socket(fileno=os.dup(job.part.descriptors[0])) as packets:
            packets.setblocking(False)
            watch(process)
            serving = asyncio.ensure_future(self._serve(packets))
            stopped = asyncio.ensure_future(process.stopped.wait())
            try:
                await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                serving.cancel()
                stopped.cancel()
                (how, _) = await asyncio.gather(serving, stopped, return_exceptions=True)
        if isinstance(how, JudgeDied):
            died = ended(how.outcome)
            return replace(died, signal=how.number) if how.outcome is Outcome.SIGNALED else died
        if isinstance(how, Exception):
            raise how
        return ended(_BY_REASON[process.reasons[0]] if process.reasons else Outcome.SUCCEEDED)

    async def _serve(self, packets: socket.socket) -> None:
        while True:
            await _readable(packets)
            _, descriptors, _, _ = socket.recv_fds(packets, 16, _DESCRIPTORS)
            if not descriptors:
                return
            judge = PlayedJudge(*descriptors)
            self.suites.append(judge)
            packets.send(b"started")
            try:
                await self._steps.pop(0)(judge)
            finally:
                judge.close()
            packets.send(self._statuses.pop(0) if self._statuses else b"ended 0 0")


class Stage:
    """One evaluation at a time, with real Judges around the processes that the test plays."""

    def __init__(self, jail: Jail, *judge_steps: JudgeStep, statuses: Iterable[bytes] = (), count: int = 2) -> None:
        self.jail = jail
        self.pool = JudgePool(*judge_steps, statuses=statuses)
        self.judges = Judges(self.pool, JUDGE_LIMITS, count)  # type: ignore[arg-type]  # all that it needs of a Pool

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.judges.stop()

    async def evaluate(self, job: EvaluationJob, caller: str = "caller") -> Evaluation:
        """Run an evaluation to its end, and have its judge ready for the next."""
        try:
            return await evaluate(self.jail, self.judges, job, caller=caller)
        finally:
            await self.settle()

    async def settle(self) -> None:
        """Wait until judges that are not used any more stand ready again, or are gone."""
        while self.judges._tasks:
            await asyncio.wait(self.judges._tasks)


async def evaluated(job: EvaluationJob, jail: Jail, *judge_steps: JudgeStep) -> Evaluation:
    """Run one evaluation to its end."""
    async with Stage(jail, *judge_steps) as stage:
        return await stage.evaluate(job)


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(sock, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(sock)
