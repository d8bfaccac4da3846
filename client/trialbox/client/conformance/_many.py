"""Many programs over one stream."""

from collections.abc import Iterator
from typing import Final

from trialbox.client._errors import InvalidRequestError, SandboxError
from trialbox.client._requests import Call, Program, Suite
from trialbox.client._results import Execution, Outcome
from trialbox.client.conformance._grading import FLOATS, RIGHT, SUITE
from trialbox.client.conformance._running import REFUSED
from trialbox.client.conformance._script import SCRIPT, Box, refusal


def many_programs_are_each_answered_once(box: Box) -> None:
    """The index says which program an execution belongs to."""
    executions = list(box.run_many(_COUNT, in_flight=8))
    assert sorted(execution.index or 0 for execution in executions) == list(range(16))
    assert all(execution.stdout == b"%d\n" % (execution.index or 0) for execution in executions)
    assert len({execution.request_id for execution in executions}) == 16


def many_answers_keep_the_order_asked_for(box: Box) -> None:
    """Also where an earlier program takes longer, and where nothing is given at all."""
    executions = box.run_many([_SLOW, *_COUNT[1:10]], ordered=True, in_flight=4)
    assert [execution.stdout for execution in executions] == [b"%d\n" % number for number in range(10)]
    assert list(box.run_many([])) == []


_COUNT: Final = tuple(f"print({number})" for number in range(16))
_SLOW: Final = "import time; time.sleep(0.3); print(0)"
for _number, _source in [*enumerate(_COUNT), (0, _SLOW)]:
    SCRIPT[_source] = Execution(outcome=Outcome.SUCCEEDED, exit_code=0, stdout=b"%d\n" % _number)


def the_input_of_many_is_read_no_further_than_needed(box: Box) -> None:
    """No more than `in_flight` beyond what was handed out."""
    read = 0

    def programs() -> Iterator[str]:
        nonlocal read
        for source in _COUNT:
            read += 1
            yield source

    for handed_out, _ in enumerate(box.run_many(programs(), in_flight=3)):
        assert read <= handed_out + 3


def one_bad_item_of_many_can_be_passed_over(box: Box) -> None:
    """`on_error` is told which it was; without it, the error is raised."""
    errors: list[SandboxError] = []
    programs: list[str | Program] = [_COUNT[0], REFUSED[-1][0], _COUNT[2]]
    executions = list(box.run_many(programs, on_error=errors.append, ordered=True))
    assert [execution.index for execution in executions] == [0, 2]
    assert [(type(error), error.index) for error in errors] == [(InvalidRequestError, 1)]
    assert refusal(lambda: list(box.run_many(programs))).index == 1


def many_pairs_are_graded_each_on_its_suite(box: Box) -> None:
    """Verdicts belong to the pair that the index names."""
    pairs = [
        (RIGHT, SUITE),
        (FLOATS, Suite([Call("f", expected=[0]), Call("f", expected=[0.1 + 0.2])])),
        (RIGHT, SUITE),
    ]
    evaluations = list(box.evaluate_many(pairs, ordered=True, case_seconds=5))
    assert [evaluation.index for evaluation in evaluations] == [0, 1, 2]
    assert [evaluation.passed for evaluation in evaluations] == [True, False, True]
    assert [len(evaluation.cases) for evaluation in evaluations] == [3, 2, 3]
