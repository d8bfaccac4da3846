"""Grading makes a verdict of whatever the processes of a program do; here the test plays them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from evaluation_stage import LIMITS, Jail, Process, ended, evaluated, job, verdicts

from trialbox.server.grading import Call, Check, Comparison, Rule, Stdio, Trust, Verdict
from trialbox.server.guest import frames
from trialbox.server.model import Execution, Limits, Outcome, ProgramException, Role, Usage

_CHECK = Check(source=b"assert True", shared=True)


def all_pass(process: Process) -> Execution:
    process.record(b"loaded")
    for number in process.asked():
        process.done(number)
    return ended()


def dies(*done: int, during: int | None = None, as_: Outcome = Outcome.SIGNALED) -> Callable[[Process], Execution]:
    """A process that finishes these cases, begins one perhaps, and ends so."""

    def step(process: Process) -> Execution:
        process.record(b"loaded")
        for number in done:
            process.done(number)
        if during is not None:
            process.begin(during)
        return ended(as_)

    return step


async def test_all_cases_run_in_one_process_with_what_they_need() -> None:
    call = Call(entry_point="f", arguments=b"A", keyword_arguments=b"K", expected=b"E", shared=True)
    close = replace(call, relative_tolerance=1e-6, rule=Rule.UNORDERED)
    jail = Jail(all_pass)
    evaluation = await evaluated(job(_CHECK, call, close, setup=b"setup"), jail)
    assert verdicts(evaluation) == ["PASSED"] * 3
    assert {(case.trust, case.shared_reason) for case in evaluation.cases} == {(Trust.SHARED, "the case says shared")}
    (only,) = (process.job for process in jail.processes)
    assert only.part is not None and only.part.role is Role.HARNESS
    setup, *cases = frames.unpack(only.part.data)
    assert setup == b"setup"
    assert [frames.unpack(case) for case in cases] == [
        [b"0", b"check", b"assert True"],
        [b"1", b"call", b"f", b"A", b"K", b"E", b"1", b"0.0", b"0.0"],
        [b"2", b"call", b"f", b"A", b"K", b"E", b"2", b"1e-06", b"0.0"],
    ]
    assert (only.program.source, only.limits) == (b"program", LIMITS)


async def test_fresh_gives_every_case_a_process_of_its_own() -> None:
    jail = Jail(all_pass, all_pass, all_pass)
    evaluation = await evaluated(job(_CHECK, _CHECK, _CHECK, fresh=True), jail)
    assert verdicts(evaluation) == ["PASSED"] * 3
    assert [process.asked() for process in jail.processes] == [[0], [1], [2]]


async def test_shared_cases_that_are_forbidden_are_errors_and_nothing_runs() -> None:
    jail = Jail()
    evaluation = await evaluated(job(_CHECK, _CHECK, forbid_shared=True), jail)
    assert verdicts(evaluation) == ["ERROR"] * 2
    assert evaluation.cases[0].message == "the request forbids SHARED, and this case needs it: the case says shared"
    assert {case.trust for case in evaluation.cases} == {Trust.SHARED}
    assert jail.processes == []


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
    evaluation = await evaluated(job(_CHECK, _CHECK, _CHECK), jail)
    assert verdicts(evaluation) == ["PASSED", verdict, "PASSED"]
    assert evaluation.cases[1].message.endswith("in this case")
    assert jail.processes[-1].asked() == [2]


async def test_every_outcome_has_been_given_a_verdict_above() -> None:
    marks = test_a_case_in_which_the_process_ended_has_that_ends_verdict_and_says_so.pytestmark  # type: ignore[attr-defined]
    # An evaluation has no limit on silence.
    assert {row[0] for row in marks[0].args[1]} == set(Outcome) - {Outcome.NO_OUTPUT_TIME_EXCEEDED}


async def test_an_end_between_two_cases_is_blamed_on_the_next() -> None:
    jail = Jail(dies(0), all_pass)
    evaluation = await evaluated(job(_CHECK, _CHECK, _CHECK), jail)
    assert verdicts(evaluation) == ["PASSED", "ERROR", "PASSED"]
    assert evaluation.cases[1].message == "the process was ended by signal 11 before this case"


async def test_an_end_after_the_last_case_is_blamed_on_none() -> None:
    evaluation = await evaluated(job(_CHECK, _CHECK), Jail(dies(0, 1)))
    assert verdicts(evaluation) == ["PASSED"] * 2


async def test_a_process_that_dies_in_every_case_leaves_every_case_a_verdict() -> None:
    jail = Jail(*(dies(during=number) for number in range(4)))
    evaluation = await evaluated(job(*[_CHECK] * 4), jail)
    assert verdicts(evaluation) == ["ERROR"] * 4
    assert len(jail.processes) == 4


async def test_an_uncaught_exception_is_told_with_the_case() -> None:
    told = ProgramException(type="ValueError", message="no", line=3)

    def step(process: Process) -> Execution:
        process.record(b"loaded")
        process.begin(0)
        return ended(Outcome.FAILED, exception=told)

    (case,) = (await evaluated(job(_CHECK), Jail(step))).cases
    assert (case.verdict, case.exception, case.message) == (Verdict.ERROR, told, "ValueError: no (line 3)")


@pytest.mark.parametrize(("kind", "verdict"), [("SyntaxError", "ERROR"), ("MemoryError", "ERROR")])
async def test_a_program_that_does_not_load_fails_every_case_and_is_not_run_again(kind: str, verdict: str) -> None:
    def step(process: Process) -> Execution:
        process.record(b"unloaded", kind.encode(), b"why", b"2")
        return ended(Outcome.FAILED)

    jail = Jail(step)
    evaluation = await evaluated(job(_CHECK, _CHECK), jail)
    assert verdicts(evaluation) == [verdict] * 2
    assert evaluation.cases[0].message == f"the program does not load: {kind}: why"
    assert evaluation.cases[1].exception == ProgramException(type=kind, message="why", line=2)
    assert len(jail.processes) == 1


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
    evaluation = await evaluated(job(_CHECK, _CHECK), jail)
    assert verdicts(evaluation) == [verdict] * 2
    assert evaluation.cases[0].message.endswith("while the program loaded")
    assert len(jail.processes) == 1


async def test_a_forged_record_ends_the_process_and_the_case_it_came_in() -> None:
    def forges(process: Process) -> Execution:
        process.record(b"loaded")
        process.done(0)
        process.begin(1)
        process.record(b"end", b"2", b"PASSED", b"", b"", b"", b"", b"0")
        return ended(Outcome.CANCELLED)

    jail = Jail(forges, all_pass)
    evaluation = await evaluated(job(_CHECK, _CHECK, _CHECK), jail)
    assert verdicts(evaluation) == ["PASSED", "ERROR", "PASSED"]
    assert "something other than a verdict" in evaluation.cases[1].message
    assert jail.processes[0].reasons == [b"forged"]


async def test_what_a_process_used_is_taken_off_the_rest_and_set_up_is_not() -> None:
    used = Usage(wall_seconds=30, user_cpu_seconds=8, system_cpu_seconds=2, queue_seconds=500, setup_seconds=500)
    seen: list[Limits] = []

    def step(process: Process) -> Execution:
        seen.append(process.job.limits)
        process.record(b"loaded")
        process.begin(process.asked()[0])
        return replace(ended(Outcome.SIGNALED), usage=used)

    evaluation = await evaluated(job(*[_CHECK] * 6), Jail(*[step] * 9))
    assert [(limits.wall_seconds, limits.cpu_seconds) for limits in seen] == [(100, 50), (70, 40), (40, 30), (10, 20)]
    assert verdicts(evaluation) == ["ERROR"] * 4 + ["NOT_RUN"] * 2
    assert evaluation.cases[5].message == "the evaluation's time was up"
    assert evaluation.usage.wall_seconds == 120
    assert (evaluation.usage.queue_seconds, evaluation.usage.setup_seconds) == (2000, 2000)


async def test_processor_time_used_up_leaves_the_rest_not_run() -> None:
    used = Usage(wall_seconds=1, user_cpu_seconds=40, system_cpu_seconds=10)
    stdio = Stdio(stdin=b"", expected=b"x", comparison=Comparison.BYTES)
    evaluation = await evaluated(job(stdio, stdio, stdio), Jail(lambda _: ended(stdout=b"x", usage=used)))
    assert verdicts(evaluation) == ["PASSED", "NOT_RUN", "NOT_RUN"]


async def test_usage_is_summed_and_of_peaks_the_highest_is_told() -> None:
    peaks = [
        Usage(wall_seconds=1, user_cpu_seconds=2, peak_memory_bytes=5, peak_processes=None),
        Usage(wall_seconds=2, user_cpu_seconds=3, peak_memory_bytes=9, peak_processes=4),
        Usage(wall_seconds=3, system_cpu_seconds=4, peak_memory_bytes=7, peak_processes=2),
    ]
    steps = [lambda _, usage=usage: ended(usage=usage) for usage in peaks]
    stdio = Stdio(stdin=b"", expected=b"", comparison=Comparison.BYTES)
    evaluation = await evaluated(job(stdio, stdio, stdio), Jail(*steps))
    assert evaluation.usage == Usage(
        wall_seconds=6, user_cpu_seconds=5, system_cpu_seconds=4, peak_memory_bytes=9, peak_processes=4
    )


async def test_a_stdio_case_runs_as_a_script_on_its_own_input_within_a_cases_time() -> None:
    jail = Jail(lambda _: ended(stdout=b"out\n"))
    stdio = Stdio(stdin=b"in", expected=b"out", comparison=Comparison.LINES)
    (case,) = (await evaluated(job(stdio), jail)).cases
    assert case.trust is Trust.SEPARATED
    assert (case.verdict, case.actual, case.expected, case.wall_seconds) == (Verdict.PASSED, "out\n", "out", 1.0)
    (only,) = (process.job for process in jail.processes)
    assert (only.program.stdin, only.part, only.limits.wall_seconds) == (b"in", None, 100)


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
    evaluation = await evaluated(job(stdio), Jail(lambda _: ended(stdout=stdout)))
    assert verdicts(evaluation) == [verdict]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SUCCEEDED])
async def test_the_right_output_of_a_program_that_did_not_succeed_is_no_pass(outcome: Outcome) -> None:
    stdio = Stdio(stdin=b"", expected=b"x", comparison=Comparison.BYTES)
    evaluation = await evaluated(job(stdio), Jail(lambda _: ended(outcome, stdout=b"x")))
    assert verdicts(evaluation)[0] in ("ERROR", "TIMED_OUT", "OUT_OF_MEMORY")


async def test_verdicts_are_in_the_suites_order_whatever_order_the_cases_ran_in() -> None:
    stdio = Stdio(stdin=b"", expected=b"right", comparison=Comparison.BYTES)
    jail = Jail(all_pass, lambda _: ended(stdout=b"wrong"), lambda _: ended(stdout=b"right"))
    evaluation = await evaluated(job(stdio, _CHECK, stdio), jail)
    assert verdicts(evaluation) == ["FAILED", "PASSED", "PASSED"]
