"""What an evaluation may still use, and how a process that ended without a verdict is judged."""

from collections.abc import Callable
from dataclasses import replace

from trialbox.server import tracing
from trialbox.server.grading import TEXT_LIMIT, CaseResult, Verdict, exception_text, shortened
from trialbox.server.model import Execution, Job, Limits, Outcome, Usage
from trialbox.server.watching import Execute, Watch

_ALL_TEXTS_LIMIT = 1_000_000
_MINIMUM_SECONDS = 0.01

_VERDICTS = {
    Outcome.WALL_TIME_EXCEEDED: Verdict.TIMED_OUT,
    Outcome.CPU_TIME_EXCEEDED: Verdict.TIMED_OUT,
    Outcome.MEMORY_EXCEEDED: Verdict.OUT_OF_MEMORY,
}


class Budget:
    """Runs the program's processes at the evaluation's expense; queueing and set-up are not charged."""

    def __init__(self, execute: Execute, limits: Limits) -> None:
        self.usages: list[Usage] = []
        self._execute = execute
        self._limits = limits
        self._wall_left = limits.wall_seconds
        self._cpu_left = limits.cpu_seconds

    @property
    def is_left(self) -> bool:
        """Whether another process can be run."""
        return self._wall_left >= _MINIMUM_SECONDS and self._cpu_left >= _MINIMUM_SECONDS

    def limits(self) -> Limits:
        """What the next process may use."""
        return replace(self._limits, wall_seconds=self._wall_left, cpu_seconds=self._cpu_left)

    async def spend(self, job: Job, watch: Watch | None = None) -> Execution:
        """Run a job; raises what Execute raises."""
        with tracing.span("candidate"):
            begun = tracing.now()
            execution = await self._execute(job, watch)
            usage = execution.usage
            tracing.note(outcome=execution.outcome.value)
            tracing.phases(begun, usage)
        self.usages.append(usage)
        self._wall_left -= usage.wall_seconds
        self._cpu_left -= usage.user_cpu_seconds + usage.system_cpu_seconds
        return execution

    def charge(self, seconds: float) -> None:
        """Take elapsed time that was spent for the program, though not by its own process."""
        self._wall_left -= seconds

    def total(self) -> Usage:
        """What all processes used: the sum of what adds up, of peaks the highest."""
        usages = self.usages
        return Usage(
            wall_seconds=sum(u.wall_seconds for u in usages),
            user_cpu_seconds=sum(u.user_cpu_seconds for u in usages),
            system_cpu_seconds=sum(u.system_cpu_seconds for u in usages),
            peak_memory_bytes=max((u.peak_memory_bytes for u in usages), default=0),
            peak_processes=max((u.peak_processes for u in usages if u.peak_processes is not None), default=None),
            queue_seconds=sum(u.queue_seconds for u in usages),
            setup_seconds=sum(u.setup_seconds for u in usages),
        )


def text_limit(cases: int) -> int:
    """Characters of a text of one of so many cases: a program chooses them, and together they must fit an answer."""
    return min(TEXT_LIMIT, _ALL_TEXTS_LIMIT // cases)


def explain(execution: Execution, when: str, limit: int, make: Callable[..., CaseResult] = CaseResult) -> CaseResult:
    """Make a verdict of a process that ended without one; `when` says in what."""
    outcome, exception = execution.outcome, execution.exception
    if exception is not None and execution.exit_code == 1:
        exception = replace(
            exception, type=shortened(exception.type, limit), message=shortened(exception.message, limit)
        )
        return make(verdict=Verdict.ERROR, message=exception_text(exception), exception=exception)
    detail = {
        Outcome.SUCCEEDED: "the process exited with status 0",
        Outcome.FAILED: f"the process exited with status {execution.exit_code}",
        Outcome.SIGNALED: f"the process was ended by signal {execution.signal}",
    }.get(outcome, outcome.value.replace("_", " ").lower())
    return make(verdict=_VERDICTS.get(outcome, Verdict.ERROR), message=f"{detail} {when}")


def overdue(when: str, case_seconds: float) -> str:
    """Say that a case's time was up."""
    return f"no answer {when} within {case_seconds:g} s"
