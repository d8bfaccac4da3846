"""No program passes that does not do what its task asks for, though each fools a grader that does it otherwise."""

import corpus
import hosts
import naive
import pytest
from corpus import CorpusProgram
from suites import Graded, program_of, suite_of

from trialbox.client import Evaluation, Sandbox, Trust, Verdict

CHEATS = corpus.cheats()
# Those that may take all their time do so once; a jail of their own changes nothing about that.
RUNS = [("warm", cheat) for cheat in CHEATS]
RUNS += [("cold", cheat) for cheat in CHEATS if not any("TIMED_OUT" in right for right in cheat.verdicts)]
DAEMON = "trialbox-grading-daemon"


@pytest.mark.parametrize(("path", "cheat"), RUNS, ids=[f"{path}-{cheat.name}" for path, cheat in RUNS])
def test_does_not_pass(path: str, cheat: CorpusProgram, graded_cheats: Graded) -> None:
    if naive.interpreter_of(cheat.runtime) is None:
        pytest.skip("`make scientific` has not been run")
    for grader in cheat.fools:
        assert naive.accepts(grader, cheat), f"{grader} is not fooled"
    evaluation = graded_cheats(path)[cheat.name]
    assert isinstance(evaluation, Evaluation), evaluation
    for case, right in zip(evaluation.cases, cheat.right_verdicts(len(evaluation.cases)), strict=True):
        assert case.verdict in right, evaluation.cases
        assert case.trust is Trust.SEPARATED, evaluation.cases
    assert not evaluation.passed


def test_answers_in_the_order_of_the_tests_are_of_no_use_where_every_case_gets_a_process(grader: Sandbox) -> None:
    (cheat,) = [cheat for cheat in CHEATS if cheat.name == "answers_in_test_order"]
    evaluation = grader.evaluate(program_of(cheat), suite_of(cheat.task), fresh=True)
    assert [case.verdict for case in evaluation.cases] == [Verdict.PASSED] + [Verdict.FAILED] * 3


def test_what_a_cheat_started_ends_with_it(graded_cheats: Graded) -> None:
    graded_cheats("warm")
    assert hosts.marked(DAEMON) == []


def test_every_cheat_says_what_it_is_for() -> None:
    graders = set(naive.NAMES)
    for cheat in CHEATS:
        assert cheat.kind and cheat.verdicts, cheat.name
        assert cheat.fools or cheat.attacks, cheat.name
        assert set(cheat.fools) <= graders, cheat.name
        assert not (cheat.harmful and cheat.fools), cheat.name


def test_no_cheat_may_pass_every_case() -> None:
    for cheat in CHEATS:
        assert not all("PASSED" in right for right in cheat.verdicts), cheat.name
