"""Cases that need the program's live objects: test and program run in one process, which could forge the verdict."""

from dataclasses import replace

from trialbox.server.budget import Budget, explain, overdue
from trialbox.server.grading import Call, CaseResult, Check, EvaluationJob, Stdio, Verdict
from trialbox.server.guest import frames
from trialbox.server.harness_watch import HarnessWatch
from trialbox.server.model import Execution, Job, Part, Role


class SharedCases:
    """Runs cases in the harness, one process for all as long as it lives."""

    def __init__(self, job: EvaluationJob, budget: Budget, text_limit: int) -> None:
        self._job = job
        self._budget = budget
        self._text_limit = text_limit
        self._results: dict[int, CaseResult] = {}

    async def run(self, numbers: list[int]) -> dict[int, CaseResult]:
        """Run these cases; those for which no time was left have no result."""
        left = numbers
        while left and self._budget.is_left:
            together = left[:1] if self._job.fresh else left
            left = await self._run_harness(together) + left[len(together) :]
        return self._results

    async def _run_harness(self, numbers: list[int]) -> list[int]:
        """Run these cases in one process; return those a new process must run."""
        suite = self._job.suite
        watch = HarnessWatch(numbers, case_seconds=self._job.case_seconds, text_limit=self._text_limit)
        packed = frames.pack(suite.setup, *(_packed(number, suite.cases[number]) for number in numbers))
        job = Job(
            program=self._job.program,
            limits=self._budget.limits(),
            isolation=self._job.isolation,
            part=Part(role=Role.HARNESS, data=packed),
        )
        try:
            execution = await self._budget.spend(job, watch.attach)
        finally:
            watch.detach()
        self._results |= watch.results
        if watch.load_failure is not None:
            self._results |= dict.fromkeys(numbers, watch.load_failure)
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

    def _ended(self, execution: Execution, watch: HarnessWatch, when: str) -> CaseResult:
        result = explain(execution, when, self._text_limit)
        if watch.forged:
            result = replace(
                result, verdict=Verdict.ERROR, message="the process reported something other than a verdict"
            )
        if watch.overdue and result.verdict is Verdict.TIMED_OUT:
            result = replace(result, message=overdue(when, self._job.case_seconds))
        return replace(result, wall_seconds=watch.current_seconds())


def _packed(number: int, case: Call | Check | Stdio) -> bytes:
    if isinstance(case, Call):
        return frames.pack(
            b"%d" % number,
            b"call",
            case.entry_point.encode(),
            case.arguments,
            case.keyword_arguments,
            case.expected or b"",
            b"%d" % case.rule,
            f"{case.relative_tolerance!r}".encode(),
            f"{case.absolute_tolerance!r}".encode(),
        )
    if isinstance(case, Check):
        return frames.pack(b"%d" % number, b"check", case.source)
    raise TypeError("Stdio cases run without the harness")
