"""Grading makes a verdict of whatever a jail does; here the jail is a script the test writes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from trialbox.server.evaluation import evaluate
from trialbox.server.grading import (
    Call,
    Case,
    Check,
    Comparison,
    Evaluation,
    EvaluationJob,
    Stdio,
    Trust,
    Verdict,
)
from trialbox.server.guest import frames
from trialbox.server.model import Execution, IsolationPath, Job, Limits, Outcome, Program, ProgramException, Usage
from trialbox.server.watching import Records, Watch

_LIMITS = Limits(
    wall_seconds=100,
    cpu_seconds=50,
    memory_bytes=1 << 28,
    processes=8,
    open_files=64,
    disk_bytes=1 << 20,
    disk_inodes=100,
    output_bytes=1 << 20,
)
_CHECK = Check(source=b"assert True")
_LOADED = frames.pack(frames.pack(b"loaded"))


def job(*cases: Case, **changes: object) -> EvaluationJob:
    asked = EvaluationJob(
        program=Program(source=b"program", runtime="python"),
        setup=b"setup",
        cases=cases,
        limits=_LIMITS,
        case_seconds=5,
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


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


class Jail:
    """Plays one step for every process the evaluation starts, and remembers what was asked."""

    def __init__(self, *steps: Callable[["Jail"], Execution]) -> None:
        self._steps = list(steps)
        self.jobs: list[Job] = []
        self.stops: list[bytes] = []
        self.bounded: list[bool] = []
        self._records: Records | None = None

    def __call__(self, job: Job, watch: Watch | None = None, *, bounded: bool = True) -> Awaitable[Execution]:
        assert (watch is None) == (job.harness is None)
        self.jobs.append(job)
        self.bounded.append(bounded)
        self._records = watch(self) if watch else None
        return self._play(self._steps.pop(0))

    def stop(self, reason: bytes) -> None:
        self.stops.append(reason)

    def cpu_seconds(self) -> float:
        return 0.0

    def starved_seconds(self) -> float:
        return 0.0

    async def _play(self, step: Callable[["Jail"], Execution]) -> Execution:
        return step(self)

    def record(self, *fields: bytes) -> None:
        assert self._records is not None
        self._records(frames.pack(frames.pack(*fields)))

    def begin(self, number: int) -> None:
        self.record(b"begin", b"%d" % number)

    def done(self, number: int, verdict: bytes = b"PASSED") -> None:
        self.begin(number)
        self.record(b"end", b"%d" % number, verdict, b"", b"", b"", b"", b"0")

    def asked(self, index: int = -1) -> list[int]:
        """The numbers of the cases in the suite that the process was given."""
        suite = self.jobs[index].harness
        assert suite is not None
        return [int(frames.unpack(case)[0]) for case in frames.unpack(suite)[1:]]


def all_pass(jail: Jail) -> Execution:
    jail.record(b"loaded")
    for number in jail.asked():
        jail.done(number)
    return ended()


def dies(*done: int, during: int | None = None, as_: Outcome = Outcome.SIGNALED) -> Callable[[Jail], Execution]:
    """A process that finishes these cases, begins one perhaps, and ends so."""

    def step(jail: Jail) -> Execution:
        jail.record(b"loaded")
        for number in done:
            jail.done(number)
        if during is not None:
            jail.begin(during)
        return ended(as_)

    return step


def verdicts(evaluation: Evaluation) -> list[str]:
    return [case.verdict.name for case in evaluation.cases]


async def test_all_cases_run_in_one_process_with_what_they_need() -> None:
    call = Call(entry_point="f", arguments=b"A", keyword_arguments=b"K", expected=b"E")
    close = replace(call, relative_tolerance=1e-6)
    jail = Jail(all_pass)
    evaluation = await evaluate(jail, job(_CHECK, call, close))
    assert verdicts(evaluation) == ["PASSED"] * 3
    assert {case.trust for case in evaluation.cases} == {Trust.SHARED}
    (only,) = jail.jobs
    assert only.harness is not None
    setup, *cases = frames.unpack(only.harness)
    assert setup == b"setup"
    assert [frames.unpack(case) for case in cases] == [
        [b"0", b"check", b"assert True"],
        [b"1", b"call", b"f", b"A", b"K", b"E", b"", b""],
        [b"2", b"call", b"f", b"A", b"K", b"E", b"1e-06", b"0.0"],
    ]
    assert (only.program.source, only.limits) == (b"program", _LIMITS)


async def test_fresh_gives_every_case_a_process_of_its_own() -> None:
    jail = Jail(all_pass, all_pass, all_pass)
    evaluation = await evaluate(jail, job(_CHECK, _CHECK, _CHECK, fresh=True))
    assert verdicts(evaluation) == ["PASSED"] * 3
    assert [jail.asked(index) for index in range(3)] == [[0], [1], [2]]
    # A full queue may refuse the evaluation, not the rest of one under way.
    assert jail.bounded == [True, False, False]


async def test_shared_cases_that_are_forbidden_are_errors_and_nothing_runs() -> None:
    jail = Jail()
    evaluation = await evaluate(jail, job(_CHECK, _CHECK, forbid_shared=True))
    assert verdicts(evaluation) == ["ERROR"] * 2
    assert "forbids" in evaluation.cases[0].message
    assert jail.jobs == []


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.SUCCEEDED, "ERROR"),
        (Outcome.FAILED, "ERROR"),
        (Outcome.SIGNALED, "ERROR"),
        (Outcome.WALL_TIME_EXCEEDED, "TIMED_OUT"),
        (Outcome.CPU_TIME_EXCEEDED, "TIMED_OUT"),
        (Outcome.MEMORY_EXCEEDED, "OUT_OF_MEMORY"),
        (Outcome.OUTPUT_EXCEEDED, "ERROR"),
        (Outcome.SYSCALL_DENIED, "ERROR"),
        (Outcome.CANCELLED, "ERROR"),
    ],
)
async def test_a_case_in_which_the_process_ended_has_that_ends_verdict_and_says_so(
    outcome: Outcome, verdict: str
) -> None:
    jail = Jail(dies(0, during=1, as_=outcome), all_pass)
    evaluation = await evaluate(jail, job(_CHECK, _CHECK, _CHECK))
    assert verdicts(evaluation) == ["PASSED", verdict, "PASSED"]
    assert evaluation.cases[1].message.endswith("in this case")
    assert jail.asked() == [2]


async def test_every_outcome_has_been_given_a_verdict_above() -> None:
    marks = test_a_case_in_which_the_process_ended_has_that_ends_verdict_and_says_so.pytestmark  # type: ignore[attr-defined]
    assert {row[0] for row in marks[0].args[1]} == set(Outcome)


async def test_an_end_between_two_cases_is_blamed_on_the_next() -> None:
    jail = Jail(dies(0), all_pass)
    evaluation = await evaluate(jail, job(_CHECK, _CHECK, _CHECK))
    assert verdicts(evaluation) == ["PASSED", "ERROR", "PASSED"]
    assert evaluation.cases[1].message == "the process was ended by signal 11 before this case"


async def test_an_end_after_the_last_case_is_blamed_on_none() -> None:
    evaluation = await evaluate(Jail(dies(0, 1)), job(_CHECK, _CHECK))
    assert verdicts(evaluation) == ["PASSED"] * 2


async def test_a_process_that_dies_in_every_case_leaves_every_case_a_verdict() -> None:
    jail = Jail(*(dies(during=number) for number in range(4)))
    evaluation = await evaluate(jail, job(*[_CHECK] * 4))
    assert verdicts(evaluation) == ["ERROR"] * 4
    assert len(jail.jobs) == 4


async def test_an_uncaught_exception_is_told_with_the_case() -> None:
    told = ProgramException(type="ValueError", message="no", line=3)

    def step(jail: Jail) -> Execution:
        jail.record(b"loaded")
        jail.begin(0)
        return ended(Outcome.FAILED, exception=told)

    (case,) = (await evaluate(Jail(step), job(_CHECK))).cases
    assert (case.verdict, case.exception, case.message) == (Verdict.ERROR, told, "ValueError: no (line 3)")


@pytest.mark.parametrize(("kind", "verdict"), [("SyntaxError", "ERROR"), ("MemoryError", "ERROR")])
async def test_a_program_that_does_not_load_fails_every_case_and_is_not_run_again(kind: str, verdict: str) -> None:
    def step(jail: Jail) -> Execution:
        jail.record(b"load-failed", kind.encode(), b"why", b"2")
        return ended(Outcome.FAILED)

    jail = Jail(step)
    evaluation = await evaluate(jail, job(_CHECK, _CHECK))
    assert verdicts(evaluation) == [verdict] * 2
    assert evaluation.cases[0].message == f"the program does not load: {kind}: why"
    assert evaluation.cases[1].exception == ProgramException(type=kind, message="why", line=2)
    assert len(jail.jobs) == 1


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome.SUCCEEDED, "ERROR"),
        (Outcome.WALL_TIME_EXCEEDED, "TIMED_OUT"),
        (Outcome.MEMORY_EXCEEDED, "OUT_OF_MEMORY"),
    ],
)
async def test_a_process_that_ends_while_the_program_loads_fails_every_case(outcome: Outcome, verdict: str) -> None:
    jail = Jail(lambda _: ended(outcome))
    evaluation = await evaluate(jail, job(_CHECK, _CHECK))
    assert verdicts(evaluation) == [verdict] * 2
    assert evaluation.cases[0].message.endswith("while the program loaded")
    assert len(jail.jobs) == 1


async def test_a_forged_record_ends_the_process_and_the_case_it_came_in() -> None:
    def forges(jail: Jail) -> Execution:
        jail.record(b"loaded")
        jail.done(0)
        jail.begin(1)
        jail.record(b"end", b"2", b"PASSED", b"", b"", b"", b"", b"0")
        return ended(Outcome.CANCELLED)

    jail = Jail(forges, all_pass)
    evaluation = await evaluate(jail, job(_CHECK, _CHECK, _CHECK))
    assert verdicts(evaluation) == ["PASSED", "ERROR", "PASSED"]
    assert "something other than a verdict" in evaluation.cases[1].message
    assert jail.stops == [b"forged"]


async def test_what_a_process_used_is_taken_off_the_rest_and_set_up_is_not() -> None:
    used = Usage(wall_seconds=30, user_cpu_seconds=8, system_cpu_seconds=2, queue_seconds=500, setup_seconds=500)
    seen: list[Limits] = []

    def step(jail: Jail) -> Execution:
        seen.append(jail.jobs[-1].limits)
        jail.record(b"loaded")
        jail.begin(jail.asked()[0])
        return replace(ended(Outcome.SIGNALED), usage=used)

    evaluation = await evaluate(Jail(*[step] * 9), job(*[_CHECK] * 6))
    assert [(limits.wall_seconds, limits.cpu_seconds) for limits in seen] == [(100, 50), (70, 40), (40, 30), (10, 20)]
    assert verdicts(evaluation) == ["ERROR"] * 4 + ["NOT_RUN"] * 2
    assert evaluation.cases[5].message == "the evaluation's time was up"
    assert evaluation.usage.wall_seconds == 120
    assert (evaluation.usage.queue_seconds, evaluation.usage.setup_seconds) == (2000, 2000)


async def test_processor_time_used_up_leaves_the_rest_not_run() -> None:
    used = Usage(wall_seconds=1, user_cpu_seconds=40, system_cpu_seconds=10)
    evaluation = await evaluate(
        Jail(lambda _: ended(stdout=b"x", usage=used)),
        job(*[Stdio(stdin=b"", expected=b"x", comparison=Comparison.BYTES)] * 3),
    )
    assert verdicts(evaluation) == ["PASSED", "NOT_RUN", "NOT_RUN"]


async def test_usage_is_summed_and_of_peaks_the_highest_is_told() -> None:
    peaks = [
        Usage(wall_seconds=1, user_cpu_seconds=2, peak_memory_bytes=5, peak_processes=None),
        Usage(wall_seconds=2, user_cpu_seconds=3, peak_memory_bytes=9, peak_processes=4),
        Usage(wall_seconds=3, system_cpu_seconds=4, peak_memory_bytes=7, peak_processes=2),
    ]
    steps = [lambda _, usage=usage: ended(usage=usage) for usage in peaks]
    stdio = Stdio(stdin=b"", expected=b"", comparison=Comparison.BYTES)
    evaluation = await evaluate(Jail(*steps), job(stdio, stdio, stdio))
    assert evaluation.usage == Usage(
        wall_seconds=6, user_cpu_seconds=5, system_cpu_seconds=4, peak_memory_bytes=9, peak_processes=4
    )


async def test_a_stdio_case_runs_as_a_script_on_its_own_input_within_a_cases_time() -> None:
    jail = Jail(lambda _: ended(stdout=b"out\n"))
    (case,) = (await evaluate(jail, job(Stdio(stdin=b"in", expected=b"out", comparison=Comparison.LINES)))).cases
    assert (case.verdict, case.actual, case.expected, case.wall_seconds) == (Verdict.PASSED, "out\n", "out", 1.0)
    (only,) = jail.jobs
    assert (only.program.stdin, only.harness, only.limits.wall_seconds) == (b"in", None, 5)


@pytest.mark.parametrize(
    ("comparison", "stdout", "expected", "verdict"),
    [
        (Comparison.LINES, b"1\n2\n", b"1\n2", "PASSED"),
        (Comparison.LINES, b"1  \r\n2\t\n\n \n", b"1\n2\n", "PASSED"),
        (Comparison.LINES, b"1\n\n2", b"1\n2", "FAILED"),
        (Comparison.LINES, b" 1", b"1", "FAILED"),
        (Comparison.LINES, b"1 2", b"1  2", "FAILED"),
        (Comparison.LINES, b"\n\n", b"", "PASSED"),
        (Comparison.LINES, b"", b"1", "FAILED"),
        (Comparison.BYTES, b"1\n", b"1\n", "PASSED"),
        (Comparison.BYTES, b"1\n", b"1", "FAILED"),
        (Comparison.BYTES, b"\xff\x00", b"\xff\x00", "PASSED"),
        (Comparison.TOKENS, b" 1\n\n2 ", b"1 2", "PASSED"),
        (Comparison.TOKENS, b"12", b"1 2", "FAILED"),
        (Comparison.TOKENS, b"2 1", b"1 2", "FAILED"),
        (Comparison.TOKENS, b"", b" \n", "PASSED"),
    ],
)
async def test_output_is_compared_as_the_case_says(
    comparison: Comparison, stdout: bytes, expected: bytes, verdict: str
) -> None:
    stdio = Stdio(stdin=b"", expected=expected, comparison=comparison)
    evaluation = await evaluate(Jail(lambda _: ended(stdout=stdout)), job(stdio))
    assert verdicts(evaluation) == [verdict]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED])
async def test_the_right_output_of_a_program_that_did_not_succeed_is_no_pass(outcome: Outcome) -> None:
    stdio = Stdio(stdin=b"", expected=b"x", comparison=Comparison.BYTES)
    evaluation = await evaluate(Jail(lambda _: ended(outcome, stdout=b"x")), job(stdio))
    assert verdicts(evaluation)[0] in ("ERROR", "TIMED_OUT", "OUT_OF_MEMORY")


async def test_verdicts_are_in_the_suites_order_whatever_order_the_cases_ran_in() -> None:
    stdio = Stdio(stdin=b"", expected=b"right", comparison=Comparison.BYTES)
    jail = Jail(all_pass, lambda _: ended(stdout=b"wrong"), lambda _: ended(stdout=b"right"))
    evaluation = await evaluate(jail, job(stdio, _CHECK, stdio))
    assert verdicts(evaluation) == ["FAILED", "PASSED", "PASSED"]
