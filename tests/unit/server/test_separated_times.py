"""Each case has its time, and who took it has the blame."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest
from clockwork import hurried
from evaluation_stage import (
    CASE_SECONDS,
    Jail,
    PlayedJudge,
    Process,
    Stage,
    checks,
    evaluated,
    job,
    judges_all,
    lives,
    loses,
    verdicts,
)

from trialbox.server.grading import Call
from trialbox.server.guest.channel import GIVEN_UP, KEPT
from trialbox.server.model import Execution
from trialbox.v1 import values

_CALL = Call(entry_point="f", arguments=values.encode((1,)), keyword_arguments=b"", expected=values.encode(2))
_ASKED = replace(_CALL, expected=None, oracle=0)


@hurried
async def test_a_candidate_that_gives_no_answer_in_time_is_ended_and_another_goes_on() -> None:
    jail = Jail(lives, lives)
    async with Stage(jail, loses(1)) as stage:
        evaluation = await stage.evaluate(job(*checks(3)))
        assert stage.pool.suites[0].said == [KEPT, GIVEN_UP]
    assert verdicts(evaluation) == ["PASSED", "TIMED_OUT", "PASSED"]
    assert evaluation.cases[1].message == f"no answer in this case within {CASE_SECONDS} s"
    assert evaluation.cases[1].wall_seconds == pytest.approx(CASE_SECONDS)
    assert jail.processes[0].reasons[0] == b"wall"


@hurried
async def test_a_program_that_does_not_load_in_time_fails_every_case() -> None:
    async def never_loads(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        await judge.candidate_is_gone()
        judge.says(b"lost", b"the process is gone")

    jail = Jail(lives)
    evaluation = await evaluated(job(*checks(2)), jail, never_loads)
    assert verdicts(evaluation) == ["TIMED_OUT"] * 2
    assert evaluation.cases[0].message == f"no answer while the program loaded within {CASE_SECONDS} s"
    assert len(jail.processes) == 1


@hurried
async def test_test_code_that_takes_too_long_is_ended_with_its_judge_and_another_goes_on() -> None:
    async def hangs(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")
        judge.ends(0)
        await asyncio.Event().wait()

    jail = Jail(lives, lives)
    async with Stage(jail, hangs, judges_all) as stage:
        evaluation = await stage.evaluate(job(*checks(3)))
        assert [process.reasons for process in stage.pool.processes] == [[b"wall"], []]
        assert stage.pool.suites[1].numbers == [2]
    assert verdicts(evaluation) == ["PASSED", "TIMED_OUT", "PASSED"]
    assert evaluation.cases[1].message == f"no verdict within {CASE_SECONDS} s"


@hurried
async def test_a_plan_that_takes_too_long_is_an_error_of_every_case() -> None:
    async def hangs(judge: PlayedJudge) -> None:
        await asyncio.Event().wait()

    evaluation = await evaluated(job(*checks(2)), Jail(lives), hangs)
    assert verdicts(evaluation) == ["ERROR"] * 2
    assert evaluation.cases[0].message == f"the suite can't be prepared: no verdict within {CASE_SECONDS} s"


@hurried
async def test_an_oracle_that_takes_too_long_is_an_error_of_its_case() -> None:
    async def hangs(judge: PlayedJudge) -> None:
        judge.says(b"oracle", b"0")
        await asyncio.Event().wait()

    jail = Jail(lives)
    evaluation = await evaluated(job(_ASKED, _CALL, oracles=(b"oracle",)), jail, hangs, judges_all)
    assert verdicts(evaluation) == ["ERROR", "PASSED"]
    assert evaluation.cases[0].message == f"the oracle gave no expected value: no verdict within {CASE_SECONDS} s"
    assert len(jail.processes) == 1


@hurried
async def test_a_case_that_ended_just_as_its_time_was_up_keeps_its_verdict_and_the_next_is_not_blamed() -> None:
    async def just_in_time(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        await judge.has_candidate()
        judge.says(b"loaded")
        await judge.candidate_is_gone()  # killed for the time that case 0 took
        judge.ends(0)
        judge.says(b"lost", b"the process is gone")
        assert await judge.has_candidate()
        judge.says(b"loaded")
        judge.ends(1)
        judge.says(b"done")

    async with Stage(Jail(lives, lives), just_in_time) as stage:
        assert verdicts(await stage.evaluate(job(*checks(2)))) == ["PASSED"] * 2
        assert stage.pool.suites[0].said == [KEPT, KEPT]


@hurried
async def test_the_time_that_a_candidate_waits_for_its_slot_is_no_cases_time() -> None:
    started = [asyncio.Event(), asyncio.Event()]

    def starts(process: Process) -> Awaitable[Execution]:
        started[len(jail.processes) - 1].set()
        return process.until_stopped()

    async def waits_for_each(judge: PlayedJudge) -> None:
        judge.says(b"planned")
        for number in judge.numbers:
            await judge.has_candidate()
            await started[number].wait()
            judge.says(b"loaded")
            judge.ends(number)
            judge.says(b"done" if number == judge.numbers[-1] else b"fresh")

    jail = Jail(starts, starts)
    jail.has_slot.clear()
    async with Stage(jail, waits_for_each) as stage:
        evaluating = asyncio.ensure_future(stage.evaluate(job(*checks(2), fresh=True)))
        for _ in range(2):
            await asyncio.sleep(100 * CASE_SECONDS)
            assert jail.waiting == 1
            jail.has_slot.set()
            await asyncio.sleep(0)
            jail.has_slot.clear()
        assert verdicts(await evaluating) == ["PASSED"] * 2
