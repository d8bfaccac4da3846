"""Cases whose test code runs apart from the program: the judge in one jail calls the candidate in another."""

import asyncio
import signal
import socket
from dataclasses import replace
from functools import partial
from typing import Any

from trialbox.server import handover, tracing
from trialbox.server.budget import Budget, explain, overdue
from trialbox.server.grading import Call, CaseResult, Check, EvaluationJob, Trust, Verdict
from trialbox.server.guest.channel import GIVEN_UP, KEPT
from trialbox.server.judge_watch import JudgeWatch, News
from trialbox.server.judges import Judges, JudgingEnd, Kind
from trialbox.server.model import Execution, Job, Outcome, Part, Role, SandboxBrokenError

# What a judge may take to end that has no more to do.
_END_SECONDS = 5.0
_Result = partial(CaseResult, trust=Trust.SEPARATED)


class SeparatedCases:
    """Puts a program to a judge, with another candidate or judge whenever one is lost."""

    def __init__(self, job: EvaluationJob, budget: Budget, judges: Judges, kind: Kind, text_limit: int) -> None:
        self.shared: dict[int, str] = {}
        """Why cases can't be judged apart from the program: they have no result."""
        self._job = job
        self._expected = job.expected
        self._budget = budget
        self._judges = judges
        self._kind = kind
        self._text_limit = text_limit
        self._results: dict[int, CaseResult] = {}

    async def run(self, numbers: list[int]) -> dict[int, CaseResult]:
        """Judge these cases; those for which no time was left have no result."""
        left = numbers
        while left and self._budget.is_left:
            watch = JudgeWatch(left, case_seconds=self._job.case_seconds, text_limit=self._text_limit)
            try:
                await self._run_judge(watch)
            finally:
                watch.detach()
                self._expected.update(watch.expected)
            self._results |= watch.results
            self.shared |= watch.shared
            left = list(watch.pending)
        return self._results

    async def _run_judge(self, watch: JudgeWatch) -> None:
        """Run one judge to its end; where cases are left then, at least one more has its verdict."""
        has_unknown = any(
            isinstance(case := self._job.suite.cases[number], Call)
            and case.expected is None
            and number not in self._expected
            for number in watch.pending
        )
        with tracing.span("judge"):
            await self._judge(watch, has_unknown)

    async def _judge(self, watch: JudgeWatch, has_unknown: bool) -> None:
        async with self._judges.judge(self._kind) as judge:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours:
                with theirs:
                    judging = judge.begin(self._suite(list(watch.pending)), theirs.fileno(), watch.feed)
                watch.attach(judging)
                judging.ended.add_done_callback(lambda _: watch.tell("gone"))
                said: bytes | None = KEPT
                # What an oracle takes is not the program's: where one is to be asked, the program waits.
                if has_unknown and (await _next(watch, "planned")).name == "gone":
                    said = None
                while said is not None and watch.pending and self._budget.is_left:
                    said = await self._run_candidate(watch, ours, said)
            # Its control socket at an end, the judge has no more to do; where it owes a verdict, it has ended.
            if watch.pending and self._budget.is_left:
                await asyncio.wait({judging.ended}, timeout=_END_SECONDS)
                if not judging.ended.done():
                    judging.stop(b"wall")
                end = await judging.ended
                if watch.pending:  # its last words may have been verdicts
                    self._blame_judge(watch, end)

    async def _run_candidate(self, watch: JudgeWatch, control: socket.socket, said: bytes) -> bytes | None:
        """Run a candidate to its end; return what to say with the next one, None where there is to be none."""
        watch.expect_candidate()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                socket.send_fds(control, [said], [theirs.fileno()])
            except OSError:  # the judge is gone
                return None
            theirs.close()
            job = Job(
                program=self._job.program,
                limits=self._budget.limits(),
                isolation=self._job.isolation,
                part=Part(
                    role=Role.CANDIDATE,
                    data=b"coverage" if self._job.coverage else b"",
                    descriptors=(ours.fileno(),),
                ),
            )
            running = asyncio.ensure_future(self._budget.spend(job, watch.attach_candidate))

            def end(task: asyncio.Future[Execution]) -> None:
                ours.close()  # so that the judge reads the end of it, and no sooner than the end is known here
                if not task.cancelled() and task.exception() is not None:
                    watch.tell("broken")

            running.add_done_callback(end)
            try:
                news = await _next(watch, "lost", "fresh", "unloaded", "done", "broken")
                if not watch.stop_candidate() and not running.done():
                    return None  # it waits for a slot
                return self._concluded(watch, news, await running)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    def _concluded(self, watch: JudgeWatch, news: News, execution: Execution) -> bytes | None:
        if execution.outcome is Outcome.MEMORY_EXCEEDED and news.name in ("fresh", "done") and watch.last is not None:
            # The kernel ended a process that the program had started; the program went on and answered.
            watch.results[watch.last] = explain(execution, "in this case", self._text_limit, _Result)
        if news.name == "fresh":
            return KEPT
        if news.name == "lost":
            return self._blame_candidate(watch, news, execution)
        if news.name == "unloaded" and watch.load_failure is not None:
            self._give_all_up(watch, watch.load_failure)
        return None

    def _blame_candidate(self, watch: JudgeWatch, news: News, execution: Execution) -> bytes | None:
        if watch.loaded and watch.overdue is not None and watch.overdue != watch.pending[0]:
            return KEPT  # the one whose time was up had its verdict just then; the next has done nothing wrong
        when = "in this case" if watch.loaded else "while the program loaded"
        result = explain(execution, when, self._text_limit, _Result)
        if execution.outcome is Outcome.CANCELLED:
            message = f"the process sent something other than an answer: {news.why}"
            result = replace(result, verdict=Verdict.ERROR, message=message)
        if watch.overdue is not None and result.verdict is Verdict.TIMED_OUT:
            result = replace(result, message=overdue(when, self._job.case_seconds))
        result = replace(result, wall_seconds=watch.current_seconds())
        if not watch.loaded:
            self._give_all_up(watch, result)
            return None
        watch.give_up(result)
        return GIVEN_UP

    def _blame_judge(self, watch: JudgeWatch, end: JudgingEnd) -> None:
        """Give a verdict on the case in which the judge ended: what runs there is the suite's own code.

        Raises SandboxBrokenError where it may have been killed by somebody else.
        """
        if end.signal == signal.SIGKILL and watch.overdue is None:
            raise SandboxBrokenError("a judge was killed")
        if watch.overdue is not None:  # or hanging test code would cost nobody anything
            self._budget.charge(watch.current_seconds())
        if watch.forged:
            why = "the test code told of something other than verdicts"
        elif watch.overdue is not None or end.outcome is Outcome.WALL_TIME_EXCEEDED:
            why = f"no verdict within {self._job.case_seconds:g} s"
        elif end.outcome is Outcome.MEMORY_EXCEEDED:
            why = f"judging took more than the {self._judges.limits.memory_bytes} bytes that the judge may use"
        else:
            why = f"{end.detail} under the test code"
        if watch.oracle is not None:
            watch.pending.remove(watch.oracle)
            message = f"the oracle gave no expected value: {why}"
            watch.results[watch.oracle] = _Result(verdict=Verdict.ERROR, message=message)
        elif not watch.planned:
            message = f"the suite can't be prepared: {why}"
            self._give_all_up(watch, _Result(verdict=Verdict.ERROR, message=message))
        else:
            verdict = Verdict.TIMED_OUT if watch.overdue is not None else Verdict.ERROR
            watch.give_up(_Result(verdict=verdict, message=why, wall_seconds=watch.current_seconds()))

    def _give_all_up(self, watch: JudgeWatch, result: CaseResult) -> None:
        while watch.pending:
            watch.give_up(result)

    def _suite(self, numbers: list[int]) -> bytes:
        """Write what the judge is to know: see guest/judge.py."""
        suite = self._job.suite
        known = {number: self._expected[number] for number in numbers if number in self._expected}
        cases = [_described(number, suite.cases[number]) for number in numbers]
        return handover.written((suite.setup, cases, list(suite.oracles), known, self._job.fresh))


async def _next(watch: JudgeWatch, *names: str) -> News:
    """Wait for news of one of these names, or of the judge's end."""
    while True:
        news = await watch.news.get()
        if news.name in names or news.name == "gone":
            return news


def _described(number: int, case: object) -> tuple[Any, ...]:
    if isinstance(case, Call):
        return (
            "call",
            number,
            case.entry_point,
            case.arguments,
            case.keyword_arguments,
            case.expected,
            case.oracle,
            int(case.rule),
            case.relative_tolerance,
            case.absolute_tolerance,
        )
    if isinstance(case, Check):
        return ("check", number, case.source)
    raise TypeError("Stdio cases need no judge")
