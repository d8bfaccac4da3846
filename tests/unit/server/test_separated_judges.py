"""A judge may end at any moment: the case it was in has the verdict that says why, and another judge goes on."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace

import hosts
import pytest
from clockwork import hurried
from evaluation_stage import (
    CASE_SECONDS,
    JUDGE_LIMITS,
    Jail,
    JudgeDied,
    JudgeStep,
    PlayedJudge,
    Process,
    Stage,
    checks,
    dies,
    evaluated,
    job,
    judges_all,
    lives,
    loses,
    verdicts,
    waits_in_a_case,
)

from trialbox.server.grading import Call, Trust, Verdict
from trialbox.server.model import Execution, Outcome, SandboxBrokenError
from trialbox.v1 import values

_CALL = Call(entry_point="f", arguments=values.encode((1,)), keyword_arguments=b"", expected=values.encode(2))
_ASKED = replace(_CALL, expected=None, oracle=0)


async def test_while_an_oracle_is_asked_the_program_waits_and_what_it_says_is_known_from_then_on() -> None:
    jail = Jail(lives, lives)
    seen: list[int] = []

    async def asks(judge: PlayedJudge) -> None:
        judge.says(b"oracle", b"1")
        for _ in range(20):
            await asyncio.sleep(0)
        seen.append(len(jail.processes) + jail.waiting)
        judge.says(b"expected", b"1", values.encode(7))
        await judges_all(judge)

    asked = job(_CALL, _ASKED, oracles=(b"oracle",))
    async with Stage(jail, asks, judges_all) as stage:
        assert verdicts(await stage.evaluate(asked)) == ["PASSED"] * 2
        assert seen == [0]
        assert asked.expected == {1: values.encode(7)}
        assert verdicts(await stage.evaluate(asked)) == ["PASSED"] * 2
        assert [judge.known for judge in stage.pool.suites] == [{}, {1: values.encode(7)}]


async def test_an_oracle_without_an_answer_is_an_error_of_its_case() -> None:
    async def asks(judge: PlayedJudge) -> None:
        judge.says(b"oracle", b"0")
        judge.says(b"unexpected", b"0", b"ValueError: no")
        judge.cases = judge.cases[1:]
        await judges_all(judge)

    first, second = (await evaluated(job(_ASKED, _CALL, oracles=(b"oracle",)), Jail(lives), asks)).cases
    assert (first.verdict, first.message) == (Verdict.ERROR, "the oracle gave no expected value: ValueError: no")
    assert (first.trust, second.verdict) == (Trust.SEPARATED, Verdict.PASSED)


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (
            Outcome.MEMORY_EXCEEDED,
            f"judging took more than the {JUDGE_LIMITS.memory_bytes} bytes that the judge may use",
        ),
        (Outcome.WALL_TIME_EXCEEDED, f"no verdict within {CASE_SECONDS} s"),
        (Outcome.FAILED, "the judge ended under the test code"),
    ],
)
async def test_an_oracle_that_ends_the_judge_is_an_error_of_its_case_and_another_judge_goes_on(
    outcome: Outcome, why: str
) -> None:
    async def dies_in_an_oracle(judge: PlayedJudge) -> None:
        judge.says(b"oracle", b"0")
        judge.says(b"expected", b"0", values.encode(1))
        judge.says(b"oracle", b"1")
        raise JudgeDied(outcome)

    async with Stage(Jail(lives), dies_in_an_oracle, judges_all) as stage:
        evaluation = await stage.evaluate(job(_ASKED, _ASKED, _CALL, oracles=(b"oracle",)))
        assert verdicts(evaluation) == ["PASSED", "ERROR", "PASSED"]
        assert evaluation.cases[1].message == f"the oracle gave no expected value: {why}"
        again = stage.pool.suites[1]
        assert (again.numbers, again.known) == ([0, 2], {0: values.encode(1)})


async def test_a_judge_that_ends_in_its_plan_is_an_error_of_every_case() -> None:
    async def dies(judge: PlayedJudge) -> None:
        raise JudgeDied(Outcome.SIGNALED)

    evaluation = await evaluated(job(*checks(2)), Jail(lives), dies)
    assert verdicts(evaluation) == ["ERROR"] * 2
    assert {case.message for case in evaluation.cases} == {
        "the suite can't be prepared: the judge ended under the test code"
    }


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (
            Outcome.MEMORY_EXCEEDED,
            f"judging took more than the {JUDGE_LIMITS.memory_bytes} bytes that the judge may use",
        ),
        (Outcome.SIGNALED, "the judge ended under the test code"),
        (Outcome.FAILED, "the judge ended under the test code"),
    ],
)
async def test_a_judge_that_ends_in_a_case_is_an_error_of_that_and_another_goes_on(outcome: Outcome, why: str) -> None:
    async def dies(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")
        judge.ends(0)
        raise JudgeDied(outcome)

    jail = Jail(lives, lives)
    async with Stage(jail, dies, judges_all) as stage:
        evaluation = await stage.evaluate(job(*checks(3)))
        assert [judge.numbers for judge in stage.pool.suites] == [[0, 1, 2], [2]]
    assert verdicts(evaluation) == ["PASSED", "ERROR", "PASSED"]
    assert (evaluation.cases[1].message, evaluation.cases[1].trust) == (why, Trust.SEPARATED)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (b"ended 256 0", "the judge exited with status 1 under the test code"),
        (b"ended 0 0", "the judge exited with status 0 under the test code"),
        (b"ended 11 0", "the judge was ended by signal 11 under the test code"),
    ],
)
async def test_a_fork_of_a_judge_that_ends_in_a_case_is_an_error_of_that(status: bytes, why: str) -> None:
    async def ends_early(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")

    async with Stage(Jail(lives, lives), ends_early, judges_all, statuses=[status]) as stage:
        evaluation = await stage.evaluate(job(*checks(2)))
    assert verdicts(evaluation) == ["ERROR", "PASSED"]
    assert evaluation.cases[0].message == why


async def test_a_judge_that_ends_in_every_case_leaves_every_case_a_verdict() -> None:
    async def dies(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")
        raise JudgeDied(Outcome.FAILED)

    evaluation = await evaluated(job(*checks(3)), Jail(lives, lives, lives), dies, dies, dies)
    assert verdicts(evaluation) == ["ERROR"] * 3


async def test_test_code_that_tells_of_something_other_than_verdicts_ends_its_judge() -> None:
    async def forges(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")
        judge.ends(1, b"FAILED")
        await asyncio.Event().wait()

    async with Stage(Jail(lives, lives), forges, judges_all) as stage:
        evaluation = await stage.evaluate(job(*checks(2)))
        assert stage.pool.processes[0].reasons == [b"wall"]
    assert verdicts(evaluation) == ["ERROR", "PASSED"]
    assert evaluation.cases[0].message == "the test code told of something other than verdicts"


async def test_a_judge_that_ends_while_the_candidate_waits_for_a_slot_keeps_nobody_waiting() -> None:
    async def dies(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        raise JudgeDied(Outcome.FAILED)

    jail = Jail()
    jail.has_slot.clear()
    evaluation = await evaluated(job(*checks(1)), jail, dies)
    assert verdicts(evaluation) == ["ERROR"]
    assert (jail.processes, jail.waiting) == ([], 0)


def _open() -> list[str]:
    return hosts.descriptors(os.getpid())


async def _waits(judge: PlayedJudge) -> None:
    await asyncio.Event().wait()


async def _waits_for_candidates(judge: PlayedJudge) -> None:
    judge.says(b"planned")
    await judge.has_candidate()
    await asyncio.Event().wait()


@pytest.mark.parametrize("has_slot", [True, False])
@pytest.mark.parametrize("judge_step", [_waits, _waits_for_candidates, waits_in_a_case])
@pytest.mark.parametrize("turns", [0, 1, 5, 30])
@hurried
async def test_a_call_that_is_cancelled_leaves_no_task_and_no_descriptor(
    judge_step: JudgeStep, has_slot: bool, turns: int
) -> None:
    before = _open()
    jail = Jail(lives)
    if not has_slot:
        jail.has_slot.clear()
    async with Stage(jail, judge_step) as stage:
        call = asyncio.ensure_future(stage.evaluate(job(*checks(2))))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert jail.waiting == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert _open() == before


async def test_an_evaluation_that_ends_leaves_no_task_and_no_descriptor() -> None:
    before = _open()
    steps: list[Callable[[Process], Execution | Awaitable[Execution]]] = [dies(Outcome.SIGNALED), lives]
    assert verdicts(await evaluated(job(*checks(3)), Jail(*steps), loses(1))) == ["PASSED", "ERROR", "PASSED"]
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert _open() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_judge_that_somebody_killed_is_no_fault_of_the_suites(number: signal.Signals) -> None:
    async def dies(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        raise JudgeDied(Outcome.SIGNALED, number)

    if number is signal.SIGKILL:
        with pytest.raises(SandboxBrokenError, match="a judge was killed"):
            await evaluated(job(*checks(1)), Jail(lives, lives), dies)
    else:
        assert verdicts(await evaluated(job(*checks(1)), Jail(lives, lives), dies)) == ["ERROR"]
