"""Grades a program: runs the cases of a suite in jails, and makes a verdict of whatever happens."""

import asyncio
from dataclasses import replace

from trialbox.server.budget import Budget, explain, text_limit
from trialbox.server.case_clock import CaseClock
from trialbox.server.grading import (
    Call,
    CaseResult,
    Comparison,
    Evaluation,
    EvaluationJob,
    Stdio,
    Trust,
    Verdict,
    shortened,
)
from trialbox.server.judges import Judges, Kind
from trialbox.server.model import Job, Outcome
from trialbox.server.separated import SeparatedCases
from trialbox.server.shared import SharedCases
from trialbox.server.watching import Execute, Running

_ASKED_FOR = "the case says shared"


async def evaluate(execute: Execute, judges: Judges, job: EvaluationJob, *, caller: str) -> Evaluation:
    """Run all cases of `job`; a case that could not be run is NOT_RUN, never a pass.

    The program runs by `execute`; what it should give is known to one of the `judges` only.
    """
    return await _Evaluation(execute, judges, job, caller).run()


class _Evaluation:
    def __init__(self, execute: Execute, judges: Judges, job: EvaluationJob, caller: str) -> None:
        self._job = job
        self._cases = job.suite.cases
        self._text_limit = text_limit(len(self._cases))
        self._budget = Budget(execute, job.limits)
        kind = Kind(caller=caller, runtime=job.program.runtime, isolation=job.judge_isolation)
        self._separated = SeparatedCases(job, self._budget, judges, kind, self._text_limit)
        self._results: dict[int, CaseResult] = {}

    async def run(self) -> Evaluation:
        """Grade the cases of each kind together."""
        shared = {
            number: _ASKED_FOR for number, case in enumerate(self._cases) if not isinstance(case, Stdio) and case.shared
        }
        apart = [
            number for number, case in enumerate(self._cases) if not isinstance(case, Stdio) and number not in shared
        ]
        self._results |= await self._separated.run(apart)
        shared |= self._separated.shared
        await self._run_shared(shared)
        for number, case in enumerate(self._cases):
            if isinstance(case, Stdio) and self._budget.is_left:
                self._results[number] = await self._run_stdio(case)
        cases = tuple(
            self._results.get(number) or _not_run(shared.get(number, "")) for number in range(len(self._cases))
        )
        return Evaluation(cases=cases, usage=self._budget.total())

    async def _run_shared(self, reasons: dict[int, str]) -> None:
        if not reasons:
            return
        if self._job.forbid_shared:
            for number, why in reasons.items():
                message = f"the request forbids SHARED, and this case needs it: {why}"
                self._results[number] = CaseResult(verdict=Verdict.ERROR, message=message, shared_reason=why)
            return
        expected = self._job.expected
        suite = replace(
            self._job.suite,
            cases=tuple(
                replace(case, expected=expected[number]) if isinstance(case, Call) and number in expected else case
                for number, case in enumerate(self._cases)
            ),
        )
        results = await SharedCases(replace(self._job, suite=suite), self._budget, self._text_limit).run(
            sorted(reasons)
        )
        for number, result in results.items():
            self._results[number] = replace(result, shared_reason=reasons[number])

    async def _run_stdio(self, case: Stdio) -> CaseResult:
        program = replace(self._job.program, stdin=case.stdin)
        job = Job(program=program, limits=self._budget.limits(), isolation=self._job.isolation)

        def attach(program: Running) -> None:
            clock.running = [program]
            clock.start()

        clock = CaseClock(self._job.case_seconds, lambda: clock.running[0].stop(b"wall"))
        try:
            execution = await self._budget.spend(job, attach)
        finally:
            clock.stop()
        wall_seconds = execution.usage.wall_seconds
        if execution.outcome is not Outcome.SUCCEEDED:
            ended = explain(execution, "in this case", self._text_limit)
            return replace(ended, wall_seconds=wall_seconds, trust=Trust.SEPARATED)
        # In a thread: a program may put out so much that comparing takes a while.
        same = await asyncio.to_thread(_same_output, execution.stdout, case)
        return CaseResult(
            verdict=Verdict.PASSED if same else Verdict.FAILED,
            trust=Trust.SEPARATED,
            actual=self._shown(execution.stdout),
            expected=self._shown(case.expected),
            message="" if same else f"gave {self._shown(execution.stdout)!r}, not {self._shown(case.expected)!r}",
            wall_seconds=wall_seconds,
        )

    def _shown(self, output: bytes) -> str:
        return shortened(output[: 4 * self._text_limit].decode("utf-8", "backslashreplace"), self._text_limit)


def _not_run(shared_reason: str) -> CaseResult:
    return CaseResult(
        verdict=Verdict.NOT_RUN,
        trust=Trust.SHARED if shared_reason else Trust.SEPARATED,
        message="the evaluation's time was up",
        shared_reason=shared_reason,
    )


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
