"""Of the tests that people measure with, nearly all can stand apart from the programs, and then pass all references."""

from collections.abc import Callable
from pathlib import Path

import pytest
import separation

from trialbox.client import Check
from trialbox.synthesis.tasks import Task, load_humaneval, load_mbpp

trust = separation.load_trust()
pytestmark = [pytest.mark.needs_data, pytest.mark.filterwarnings("ignore:invalid escape sequence")]

_MBPP_SHARED = {
    "Mbpp/367": "the set-up sets .left of what Node returned (line 2)",
    "Mbpp/533": "passes int to remove_datatype (line 1)",
    "Mbpp/596": "uses sys other than by calling it (line 1)",
    "Mbpp/601": "passes what Pair returned to max_chain_length (line 1)",
    "Mbpp/927": "the set-up sets .left of what Node returned (line 2)",
}
_HUMANEVAL_SHARED = {
    "HumanEval/32": "passes what find_zero returned to poly (line 20)",
    "HumanEval/38": "passes what encode_cyclic returned to decode_cyclic (line 14)",
    "HumanEval/50": "passes what encode_shift returned to decode_shift (line 15)",
}
# Until the encoding knows these types.
_NOT_YET = [f"ValueEncodingError: a value of type {name} can't cross" for name in ("Counter", "defaultdict")]


def load_all_of_mbpp(path: Path) -> list[Task]:
    return load_mbpp(path, challenge=True)


@pytest.mark.parametrize(
    ("load", "name", "shared"),
    [
        pytest.param(load_all_of_mbpp, "mbpp.jsonl", _MBPP_SHARED, id="mbpp"),
        pytest.param(load_humaneval, "HumanEval.jsonl.gz", _HUMANEVAL_SHARED, id="humaneval"),
    ],
)
def test_references_pass_all_tests_that_stand_apart(
    data_folder: Path, load: Callable[[Path], list[Task]], name: str, shared: dict[str, str]
) -> None:
    reasons: dict[str, str] = {}
    failures: list[tuple[str, str]] = []
    count = count_shared = 0
    for task in load(data_folder / name):
        planner = trust.Planner(_encoded(task.suite.setup))
        apart: list[tuple[str | bytes, frozenset[str]]] = []
        for case in task.suite.cases:
            assert isinstance(case, Check)
            analysis = planner.analyse(_encoded(case.source))
            count += 1
            if analysis.shared_reason:
                count_shared += 1
                reasons.setdefault(task.task_id, analysis.shared_reason)
            else:
                apart.append((case.source, analysis.stubs))
        if apart:
            assert task.reference is not None
            raised = separation.run_apart(task.reference, planner.setup_stubs, task.suite.setup, apart)
            failures += [(task.task_id, error) for error in raised if error and error not in _NOT_YET]
    assert failures == []
    assert reasons == shared
    assert count_shared <= 0.03 * count


def _encoded(code: str | bytes) -> bytes:
    return code.encode() if isinstance(code, str) else code
