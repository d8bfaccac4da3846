"""What a cheat did to the place it ran in does nothing for, or to, the program that comes next there."""

import itertools
from dataclasses import replace

import corpus
import pytest
from corpus import CorpusProgram
from graded_tasks import TASKS
from suites import CASE_SECONDS, LIMITS, program_of, suite_of

from trialbox.client import Call, Evaluation, Program, Sandbox, Suite, Verdict

PERIMETER = suite_of(TASKS["perimeter"])
HONEST = """
import builtins, os, time
before = dict(vars(builtins))

def square_perimeter(a):
    time.sleep(0.005)  # so that a blow at the cheat before it, come too late, hits it
    assert builtins.abs(-1) == 1 and builtins.exec is before["exec"] and issubclass(AssertionError, Exception)
    assert os.listdir("/tmp") == os.listdir("/dev/shm") == []
    assert set(os.listdir("/work")) == {"candidate.py", "main.py"}
    assert sum(name.isdigit() for name in os.listdir("/proc")) <= 2
    return 4 * a
"""
CHEATS = [cheat for cheat in corpus.cheats() if cheat.runtime is None]
# Of those that do something to the place, and don't take all their time.
KINDS = {"Exit", "Forging", "Resources", "Cross-run", "Process", "Socket", "Channel", "Memory", "Timing", "Limits"}
QUICK = [cheat for cheat in CHEATS if cheat.kind in KINDS and not any("TIMED_OUT" in right for right in cheat.verdicts)]
LOOKING = [cheat for cheat in CHEATS if cheat.kind == "Memory" and cheat.task_name == "secret"]


def test_an_honest_program_passes_after_every_cheat(one_slot: Sandbox) -> None:
    pairs = [[(program_of(cheat), suite_of(cheat.task)), (Program(HONEST), PERIMETER)] for cheat in QUICK]
    evaluations = list(
        one_slot.evaluate_many(
            itertools.chain.from_iterable(pairs),
            ordered=True,
            limits=LIMITS,
            case_seconds=CASE_SECONDS,
            isolation="warm",
        )
    )
    failed = {
        cheat.name: honest.cases for cheat, honest in zip(QUICK, evaluations[1::2], strict=True) if not honest.passed
    }
    assert failed == {}
    assert [cheat.name for cheat, own in zip(QUICK, evaluations[::2], strict=True) if own.passed] == []


@pytest.mark.parametrize("cheat", [cheat for cheat in CHEATS if cheat.next_source], ids=lambda cheat: cheat.name)
def test_an_accomplice_does_not_pass(cheat: CorpusProgram, one_slot: Sandbox, isolation_path: str) -> None:
    for source in (cheat.source, cheat.next_source):
        evaluation = one_slot.evaluate(source, PERIMETER, limits=LIMITS, isolation=isolation_path)
        assert {case.verdict for case in evaluation.cases} == {Verdict.FAILED}
    assert one_slot.evaluate(HONEST, PERIMETER, isolation=isolation_path).passed


@pytest.mark.parametrize("cheat", LOOKING, ids=lambda cheat: cheat.name)
def test_nothing_is_found_of_the_suite_before(cheat: CorpusProgram, one_slot: Sandbox, isolation_path: str) -> None:
    def evaluate(program: Program, suite: Suite) -> Evaluation:
        return one_slot.evaluate(program, suite, limits=LIMITS, isolation=isolation_path)

    for task in ("secret", "secret_oracle"):
        wrong = evaluate(Program("def secret():\n    return 'wrong'\n"), suite_of(TASKS[task]))
        assert {case.verdict for case in wrong.cases} == {Verdict.FAILED}
        found = evaluate(program_of(cheat), Suite([Call("secret", expected="nothing")] * 2))
        assert found.passed, found.cases


def test_the_end_of_a_cheat_does_not_hit_who_runs_there_by_then(grader: Sandbox) -> None:
    names = {"sends_members_that_collide", "sends_the_largest_value", "sends_many_empty_sets"}
    # their judges are ended a good while after their own processes
    pairs = [(program_of(cheat), suite_of(cheat.task)) for cheat in CHEATS if cheat.name in names]
    slow = "import time\ndef square_perimeter(a):\n    time.sleep(0.2)\n    return 4 * a\n"
    pairs += [(Program(slow), PERIMETER)] * 16
    evaluations = list(grader.evaluate_many(pairs, ordered=True, case_seconds=CASE_SECONDS, isolation="warm"))
    assert [evaluation.cases for evaluation in evaluations[len(names) :] if not evaluation.passed] == []


def test_files_of_a_cheat_do_not_change_what_an_oracle_says(one_slot: Sandbox) -> None:
    (cheat,) = [cheat for cheat in CHEATS if cheat.name == "brings_a_module_that_the_oracle_imports"]
    # a suite of its own, whose oracle the cheat is the first to have asked
    suite = suite_of(replace(cheat.task, oracle=cheat.task.oracle + "# asked here first\n"))
    assert not one_slot.evaluate(program_of(cheat), suite).passed
    honest = one_slot.evaluate("def square_perimeter(a):\n    return 4 * a\n", suite)
    assert honest.passed, honest.cases
