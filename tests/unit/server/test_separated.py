"""Cases are judged apart from the program, and each has its verdict whatever becomes of the candidates."""

from dataclasses import replace

import pytest
from clockwork import hurried, loop
from evaluation_stage import (
    CASE_SECONDS,
    JUDGE_LIMITS,
    LIMITS,
    Jail,
    JudgeStep,
    PlayedJudge,
    Process,
    Stage,
    checks,
    dies,
    ended,
    evaluated,
    job,
    judges_all,
    lives,
    loses,
    verdicts,
    waits_in_a_case,
)

from trialbox.server.evaluation import evaluate
from trialbox.server.grading import Call, Trust, Verdict
from trialbox.server.guest import frames
from trialbox.server.guest.channel import GIVEN_UP, KEPT
from trialbox.server.model import Execution, IsolationPath, Outcome, ProgramException, Role, SandboxBrokenError, Usage
from trialbox.v1 import values

_CALL = Call(entry_point="f", arguments=values.encode((1,)), keyword_arguments=b"", expected=values.encode(2))
_ASKED = replace(_CALL, expected=None, oracle=0)


async def test_cases_are_judged_apart_from_the_program_by_a_judge_that_has_all_it_needs() -> None:
    jail = Jail(lives)
    asked = job(*checks(1), _CALL, _ASKED, setup=b"setup", oracles=(b"oracle",))
    asked.expected[2] = values.encode(5)
    async with Stage(jail, judges_all) as stage:
        evaluation = await stage.evaluate(asked)
        (judge,) = stage.pool.suites
        (its_job,) = stage.pool.jobs
    assert verdicts(evaluation) == ["PASSED"] * 3
    assert {case.trust for case in evaluation.cases} == {Trust.SEPARATED}
    assert {case.wall_seconds for case in evaluation.cases} == {0.001}
    assert (judge.setup, judge.oracles, judge.known, judge.fresh) == (
        b"setup",
        [b"oracle"],
        {2: values.encode(5)},
        False,
    )
    assert judge.cases == [
        ("check", 0, b"assert 0"),
        ("call", 1, "f", _CALL.arguments, b"", _CALL.expected, None, 1, 0.0, 0.0),
        ("call", 2, "f", _CALL.arguments, b"", None, 0, 1, 0.0, 0.0),
    ]
    # The judge has nothing of the program, and the program nothing of the suite.
    assert its_job.program.source == b""
    assert its_job.limits == JUDGE_LIMITS
    (candidate,) = jail.processes
    assert candidate.job.part is not None
    assert (candidate.job.part.role, candidate.job.part.data) == (Role.CANDIDATE, b"")
    assert (candidate.job.program.source, candidate.job.limits) == (b"program", LIMITS)
    assert candidate.reasons == [b"cancelled"]


async def test_coverage_is_asked_of_the_candidate_and_told_with_its_case() -> None:
    async def covers(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")
        judge.says(b"end", b"0", b"PASSED", b"0", b"", b"", b"", b"", b"", b"0", b"2-3,0-2,2-3")
        judge.says(b"done")

    jail = Jail(lives)
    (case,) = (await evaluated(job(*checks(1), coverage=True), jail, covers)).cases
    assert case.arcs == ((0, 2), (2, 3))
    assert jail.processes[0].job.part is not None
    assert jail.processes[0].job.part.data == b"coverage"


async def test_fresh_gives_every_case_a_candidate_of_its_own() -> None:
    async def one_by_one(judge: PlayedJudge) -> None:
        assert judge.fresh
        judge.says(b"planned")
        for number in judge.numbers:
            assert await judge.has_candidate()
            judge.says(b"loaded")
            judge.ends(number)
            judge.says(b"done" if number == judge.numbers[-1] else b"fresh")

    jail = Jail(lives, lives, lives)
    async with Stage(jail, one_by_one) as stage:
        assert verdicts(await stage.evaluate(job(*checks(3), fresh=True))) == ["PASSED"] * 3
        assert stage.pool.suites[0].said == [KEPT] * 3
    assert [process.reasons for process in jail.processes] == [[b"cancelled"]] * 3


async def test_cases_that_need_live_objects_run_with_the_program_and_say_why() -> None:
    async def shares(judge: PlayedJudge) -> None:
        judge.says(b"shared", b"1", b"it patches")
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")
        judge.ends(0)
        judge.says(b"done")

    def harness(process: Process) -> Execution:
        process.record(b"loaded")
        assert process.asked() == [1]
        process.done(1, b"FAILED")
        return ended()

    jail = Jail(lives, harness)
    apart, together = (await evaluated(job(*checks(2)), jail, shares)).cases
    assert (apart.verdict, apart.trust, apart.shared_reason) == (Verdict.PASSED, Trust.SEPARATED, "")
    assert (together.verdict, together.trust, together.shared_reason) == (Verdict.FAILED, Trust.SHARED, "it patches")

    jail = Jail(lives)
    _, together = (await evaluated(job(*checks(2), forbid_shared=True), jail, shares)).cases
    assert (together.verdict, together.trust) == (Verdict.ERROR, Trust.SHARED)
    assert together.message == "the request forbids SHARED, and this case needs it: it patches"
    assert len(jail.processes) == 1


async def test_a_call_that_runs_with_the_program_has_what_its_oracle_said() -> None:
    async def shares(judge: PlayedJudge) -> None:
        judge.says(b"oracle", b"0")
        judge.says(b"expected", b"0", values.encode(7))
        judge.says(b"shared", b"0", b"set-up code subclasses")
        judge.says(b"planned")

    given: list[bytes] = []

    def harness(process: Process) -> Execution:
        assert process.job.part is not None
        given.extend(frames.unpack(frames.unpack(process.job.part.data)[1]))
        process.record(b"loaded")
        process.done(0)
        return ended()

    evaluation = await evaluated(job(_ASKED, oracles=(b"oracle",)), Jail(harness), shares)
    assert verdicts(evaluation) == ["PASSED"]
    assert given[:6] == [b"0", b"call", b"f", _ASKED.arguments, b"", values.encode(7)]


@pytest.mark.parametrize(
    ("outcome", "verdict", "message"),
    [
        (Outcome.SUCCEEDED, "ERROR", "the process exited with status 0 in this case"),
        (Outcome.FAILED, "ERROR", "the process exited with status 1 in this case"),
        (Outcome.SIGNALED, "ERROR", "the process was ended by signal 11 in this case"),
        (Outcome.WALL_TIME_EXCEEDED, "TIMED_OUT", "wall time exceeded in this case"),
        (Outcome.CPU_TIME_EXCEEDED, "TIMED_OUT", "cpu time exceeded in this case"),
        (Outcome.MEMORY_EXCEEDED, "OUT_OF_MEMORY", "memory exceeded in this case"),
        (Outcome.OUTPUT_EXCEEDED, "ERROR", "output exceeded in this case"),
        (Outcome.SYSCALL_DENIED, "ERROR", "syscall denied in this case"),
        (Outcome.CANCELLED, "ERROR", "the process sent something other than an answer: the process is gone"),
    ],
)
async def test_a_case_in_which_the_candidate_ended_has_that_ends_verdict_and_another_goes_on(
    outcome: Outcome, verdict: str, message: str
) -> None:
    jail = Jail(dies(outcome), lives)
    async with Stage(jail, loses(1)) as stage:
        evaluation = await stage.evaluate(job(*checks(3)))
        assert stage.pool.suites[0].said == [KEPT, GIVEN_UP]
    assert verdicts(evaluation) == ["PASSED", verdict, "PASSED"]
    lost = evaluation.cases[1]
    assert (lost.message, lost.trust) == (message, Trust.SEPARATED)
    assert lost.wall_seconds >= 0


async def test_every_outcome_has_been_given_a_verdict_above() -> None:
    marks = test_a_case_in_which_the_candidate_ended_has_that_ends_verdict_and_another_goes_on.pytestmark  # type: ignore[attr-defined]
    without = {Outcome.NO_OUTPUT_TIME_EXCEEDED}  # no suite asks for it
    assert {row[0] for row in marks[0].args[1]} == set(Outcome) - without


async def test_an_uncaught_exception_is_told_with_the_case() -> None:
    told = ProgramException(type="ValueError", message="no", line=3)
    evaluation = await evaluated(job(*checks(2)), Jail(dies(Outcome.FAILED, exception=told), lives), loses(0))
    first, second = evaluation.cases
    assert (first.verdict, first.exception, first.message) == (Verdict.ERROR, told, "ValueError: no (line 3)")
    assert second.verdict is Verdict.PASSED


async def test_a_candidate_that_says_something_other_than_an_answer_is_ended_and_its_case_an_error() -> None:
    async def hears_nonsense(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")
        judge.says(b"lost", b"no value: unknown tag 0xff")
        await judge.has_candidate()
        judge.says(b"loaded")
        judge.ends(1)
        judge.says(b"done")

    jail = Jail(lives, lives)
    first, second = (await evaluated(job(*checks(2)), jail, hears_nonsense)).cases
    assert (first.verdict, first.message) == (
        Verdict.ERROR,
        "the process sent something other than an answer: no value: unknown tag 0xff",
    )
    assert second.verdict is Verdict.PASSED
    assert jail.processes[0].reasons == [b"cancelled"]


async def test_a_candidate_that_dies_in_every_case_leaves_every_case_a_verdict() -> None:
    jail = Jail(*[dies(Outcome.SIGNALED)] * 4)
    evaluation = await evaluated(job(*checks(4)), jail, loses(0, 1, 2, 3))
    assert verdicts(evaluation) == ["ERROR"] * 4
    assert len(jail.processes) == 4


@pytest.mark.parametrize(
    ("outcome", "verdict", "message"),
    [
        (Outcome.SUCCEEDED, "ERROR", "the process exited with status 0 while the program loaded"),
        (Outcome.WALL_TIME_EXCEEDED, "TIMED_OUT", "wall time exceeded while the program loaded"),
        (Outcome.MEMORY_EXCEEDED, "OUT_OF_MEMORY", "memory exceeded while the program loaded"),
    ],
)
async def test_a_candidate_that_ends_while_it_loads_fails_every_case_and_is_not_run_again(
    outcome: Outcome, verdict: str, message: str
) -> None:
    async def never_loads(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        await judge.candidate_is_gone()
        judge.says(b"lost", b"the process is gone")
        assert not await judge.has_candidate()

    jail = Jail(dies(outcome))
    evaluation = await evaluated(job(*checks(3)), jail, never_loads)
    assert verdicts(evaluation) == [verdict] * 3
    assert {case.message for case in evaluation.cases} == {message}
    assert len(jail.processes) == 1


async def test_a_program_that_does_not_load_fails_every_case_and_is_not_run_again() -> None:
    async def unloaded(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"unloaded", b"SyntaxError", b"invalid syntax", b"2")
        judge.says(b"done")

    jail = Jail(lives)
    evaluation = await evaluated(job(*checks(3)), jail, unloaded)
    assert verdicts(evaluation) == ["ERROR"] * 3
    case = evaluation.cases[2]
    assert case.message == "the program does not load: SyntaxError: invalid syntax"
    assert case.exception == ProgramException(type="SyntaxError", message="invalid syntax", line=2)
    assert len(jail.processes) == 1


async def test_what_candidates_used_is_taken_off_the_rest_until_nothing_is_left() -> None:
    used = Usage(wall_seconds=40, user_cpu_seconds=8, system_cpu_seconds=2)
    jail = Jail(*[dies(Outcome.SIGNALED, usage=used)] * 3)
    evaluation = await evaluated(job(*checks(5)), jail, loses(0, 1, 2, 3, 4))
    assert verdicts(evaluation) == ["ERROR"] * 3 + ["NOT_RUN"] * 2
    limits = [process.job.limits for process in jail.processes]
    assert [(limit.wall_seconds, limit.cpu_seconds) for limit in limits] == [(100, 50), (60, 40), (20, 30)]
    last = evaluation.cases[4]
    assert (last.trust, last.message) == (Trust.SEPARATED, "the evaluation's time was up")
    assert evaluation.usage.wall_seconds == 120


@pytest.mark.parametrize("judge_step", [loses(0), waits_in_a_case])
@hurried
async def test_a_slot_that_breaks_is_the_infrastructures_failure_and_nobodys_verdict(judge_step: JudgeStep) -> None:
    async def breaks(process: Process) -> Execution:
        raise SandboxBrokenError("killed", started=True)

    began = loop().time()
    async with Stage(Jail(breaks), judge_step) as stage:
        with pytest.raises(SandboxBrokenError, match="killed"):
            await evaluate(stage.jail, stage.judges, job(*checks(2)), caller="caller")
        assert loop().time() < began + CASE_SECONDS  # nobody waited for a case to be over


async def test_a_judge_that_can_not_be_started_is_the_infrastructures_failure() -> None:
    async with Stage(Jail()) as stage:
        stage.pool.error = SandboxBrokenError("no launcher")
        with pytest.raises(SandboxBrokenError, match="no launcher"):
            await stage.evaluate(job(*checks(1)))


async def test_a_judge_serves_one_evaluation_after_another_of_its_kind() -> None:
    async with Stage(Jail(*[lives] * 4), *[judges_all] * 4) as stage:
        for path in (IsolationPath.WARM, IsolationPath.WARM, IsolationPath.COLD, IsolationPath.WARM):
            assert verdicts(await stage.evaluate(job(*checks(1), judge_isolation=path))) == ["PASSED"]
        assert [each.isolation for each in stage.pool.jobs] == [IsolationPath.WARM, IsolationPath.COLD]
