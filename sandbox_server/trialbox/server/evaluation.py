"""Grades a program: runs its cases in jails, and makes a verdict of whatever happens."""

import asyncio
from dataclasses import replace

from trialbox.server.grading import (
    TEXT_LIMIT,
    Call,
    CaseResult,
    Check,
    Comparison,
    Evaluation,
    EvaluationJob,
    Stdio,
    Verdict,
    exception_text,
    shortened,
)
from trialbox.server.guest import frames
from trialbox.server.harness_watch import HarnessWatch
from trialbox.server.model import Execution, Job, Limits, Outcome, Usage
from trialbox.server.watching import Execute

_ALL_TEXTS_LIMIT = 1_000_000
_MINIMUM_SECONDS = 0.01

_VERDICTS = {
    Outcome.WALL_TIME_EXCEEDED: Verdict.TIMED_OUT,
    Outcome.CPU_TIME_EXCEEDED: Verdict.TIMED_OUT,
    Outcome.MEMORY_EXCEEDED: Verdict.OUT_OF_MEMORY,
}


async def evaluate(execute: Execute, job: EvaluationJob, *, bounded: bool = True) -> Evaluation:
    """Run all cases of `job`; a case that could not be run is NOT_RUN, never a pass.

    With `bounded` a full queue refuses the evaluation as a whole, never when it is under way.
    """
    return await _Evaluation(execute, job, bounded).run()


class _Evaluation:
    def __init__(self, execute: Execute, job: EvaluationJob, bounded: bool) -> None:
        self._execute = execute
        self._bounded = bounded
        self._job = job
        self._results: dict[int, CaseResult] = {}
        self._usages: list[Usage] = []
        self._wall_left = job.limits.wall_seconds
        self._cpu_left = job.limits.cpu_seconds
        # A program chooses these texts: together they must fit into an answer.
        self._text_limit = min(TEXT_LIMIT, _ALL_TEXTS_LIMIT // len(job.cases))

    async def run(self) -> Evaluation:
        """Grade the cases that share a process, then those that need none."""
        if self._job.forbid_shared:
            refusal = CaseResult(
                verdict=Verdict.ERROR,
                message="this server calls every verdict SHARED, which the request forbids",
            )
            return Evaluation(cases=(refusal,) * len(self._job.cases), usage=Usage())
        together = [number for number, case in enumerate(self._job.cases) if not isinstance(case, Stdio)]
        while together and self._time_left():
            batch = together[:1] if self._job.fresh else together
            left = await self._run_harness(batch)
            together = left + together[len(batch) :]
        for number, case in enumerate(self._job.cases):
            if isinstance(case, Stdio) and self._time_left():
                self._results[number] = await self._run_stdio(case)
        not_run = CaseResult(verdict=Verdict.NOT_RUN, message="the evaluation's time was up")
        cases = tuple(self._results.get(number, not_run) for number in range(len(self._job.cases)))
        return Evaluation(cases=cases, usage=_total(self._usages))

    async def _run_harness(self, numbers: list[int]) -> list[int]:
        """Run these cases in one process; return those a new process must run."""
        watch = HarnessWatch(numbers, case_seconds=self._job.case_seconds, text_limit=self._text_limit)
        suite = frames.pack(self._job.setup, *(_packed(number, self._job.cases[number]) for number in numbers))
        job = Job(program=self._job.program, limits=self._limits(), isolation=self._job.isolation, harness=suite)
        execution = await self._spend(job, watch)
        self._results |= watch.results
        if watch.load_failure is not None:
            failure = CaseResult(
                verdict=Verdict.ERROR,
                message=f"the program does not load: {watch.load_failure.type}: {watch.load_failure.message}",
                exception=watch.load_failure,
            )
            self._results |= dict.fromkeys(numbers, failure)
            return []
        if not watch.loaded:
            ended = self._ended(execution, watch, "while the program loaded")
            self._results |= dict.fromkeys(numbers, ended)
            return []
        left = watch.remaining
        if watch.current is not None:
            self._results[watch.current] = self._ended(execution, watch, "in this case")
        elif left:  # it ended between two cases: the one it was about to begin has the blame
            self._results[left.pop(0)] = self._ended(execution, watch, "before this case")
        return left

    async def _run_stdio(self, case: Stdio) -> CaseResult:
        limits = self._limits()
        program = replace(self._job.program, stdin=case.stdin)
        limits = replace(limits, wall_seconds=min(limits.wall_seconds, self._job.case_seconds))
        job = Job(program=program, limits=limits, isolation=self._job.isolation)
        execution = await self._spend(job)
        if execution.outcome is not Outcome.SUCCEEDED:
            return replace(self._explain(execution, "in this case"), wall_seconds=execution.usage.wall_seconds)
        # In a thread: a program may put out so much that comparing takes a while.
        same = await asyncio.to_thread(_same_output, execution.stdout, case)
        return CaseResult(
            verdict=Verdict.PASSED if same else Verdict.FAILED,
            actual=self._shown(execution.stdout),
            expected=self._shown(case.expected),
            message="" if same else f"gave {self._shown(execution.stdout)!r}, not {self._shown(case.expected)!r}",
            wall_seconds=execution.usage.wall_seconds,
        )

    async def _spend(self, job: Job, watch: HarnessWatch | None = None) -> Execution:
        """Run a job at the evaluation's expense; queueing and set-up are not charged."""
        try:
            bounded = self._bounded and not self._usages
            execution = await self._execute(job, watch.attach if watch else None, bounded=bounded)
        finally:
            if watch:
                watch.detach()
        usage = execution.usage
        self._usages.append(usage)
        self._wall_left -= usage.wall_seconds
        self._cpu_left -= usage.user_cpu_seconds + usage.system_cpu_seconds
        return execution

    def _ended(self, execution: Execution, watch: HarnessWatch, when: str) -> CaseResult:
        result = self._explain(execution, when)
        if watch.forged:
            result = replace(
                result, verdict=Verdict.ERROR, message="the process reported something other than a verdict"
            )
        if watch.overdue and result.verdict is Verdict.TIMED_OUT:
            result = replace(result, message=f"no answer {when} within {self._job.case_seconds:g} s")
        return replace(result, wall_seconds=watch.current_seconds())

    def _explain(self, execution: Execution, when: str) -> CaseResult:
        """Make a verdict of a process that ended without one."""
        outcome, exception = execution.outcome, execution.exception
        if exception is not None and execution.exit_code == 1:
            limit = self._text_limit
            exception = replace(
                exception, type=shortened(exception.type, limit), message=shortened(exception.message, limit)
            )
            return CaseResult(verdict=Verdict.ERROR, message=exception_text(exception), exception=exception)
        detail = {
            Outcome.SUCCEEDED: "the process exited with status 0",
            Outcome.FAILED: f"the process exited with status {execution.exit_code}",
            Outcome.SIGNALED: f"the process was ended by signal {execution.signal}",
        }.get(outcome, outcome.value.replace("_", " ").lower())
        return CaseResult(verdict=_VERDICTS.get(outcome, Verdict.ERROR), message=f"{detail} {when}")

    def _shown(self, output: bytes) -> str:
        return shortened(output[: 4 * self._text_limit].decode("utf-8", "backslashreplace"), self._text_limit)

    def _time_left(self) -> bool:
        return self._wall_left >= _MINIMUM_SECONDS and self._cpu_left >= _MINIMUM_SECONDS

    def _limits(self) -> Limits:
        return replace(self._job.limits, wall_seconds=self._wall_left, cpu_seconds=self._cpu_left)


def _packed(number: int, case: Call | Check | Stdio) -> bytes:
    if isinstance(case, Call):
        tolerances = (f"{case.relative_tolerance!r}".encode(), f"{case.absolute_tolerance!r}".encode())
        exact = not (case.relative_tolerance or case.absolute_tolerance)
        return frames.pack(
            b"%d" % number,
            b"call",
            case.entry_point.encode(),
            case.arguments,
            case.keyword_arguments,
            case.expected,
            *((b"", b"") if exact else tolerances),
        )
    if isinstance(case, Check):
        return frames.pack(b"%d" % number, b"check", case.source)
    raise TypeError("Stdio cases run without the harness")


def _same_output(output: bytes, case: Stdio) -> bool:
    return _normal(output, case.comparison) == _normal(case.expected, case.comparison)


def _normal(text: bytes, comparison: Comparison) -> object:
    if comparison is Comparison.TOKENS:
        return text.split()
    if comparison is Comparison.LINES:
        lines = [line.rstrip() for line in text.split(b"\n")]
        while lines and not lines[-1]:
            lines.pop()
        return lines
    return text


def _total(usages: list[Usage]) -> Usage:
    """Sum what adds up; of peaks, the highest."""
    return Usage(
        wall_seconds=sum(u.wall_seconds for u in usages),
        user_cpu_seconds=sum(u.user_cpu_seconds for u in usages),
        system_cpu_seconds=sum(u.system_cpu_seconds for u in usages),
        peak_memory_bytes=max((u.peak_memory_bytes for u in usages), default=0),
        peak_processes=max((u.peak_processes for u in usages if u.peak_processes is not None), default=None),
        queue_seconds=sum(u.queue_seconds for u in usages),
        setup_seconds=sum(u.setup_seconds for u in usages),
    )
