"""Programs that do what their task asks for pass, however unusual they are otherwise."""

import corpus
import naive
import pytest
from corpus import CorpusProgram
from suites import Graded

from trialbox.client import Evaluation, Trust, Verdict


@pytest.mark.parametrize("path", ["warm", "cold"])
@pytest.mark.parametrize("honest", corpus.honest_programs(), ids=lambda honest: honest.name)
def test_passes(path: str, honest: CorpusProgram, graded_honest_programs: Graded) -> None:
    if naive.interpreter_of(honest.runtime) is None:
        pytest.skip("`make scientific` has not been run")
    evaluation = graded_honest_programs(path)[honest.name]
    assert isinstance(evaluation, Evaluation), evaluation
    assert {case.verdict for case in evaluation.cases} == {Verdict.PASSED}, evaluation.cases
    assert {case.trust for case in evaluation.cases} == {Trust.SEPARATED}, evaluation.cases
    assert evaluation.passed
