"""What results.json says of a run."""

from dataclasses import replace

import pytest
from reports import FAILED, NOT_RUN, PASSED, plain_task, plus_task, report_of

from trialbox.client import Trust
from trialbox.synthesis.results import document


def test_base_and_plus_are_told_apart() -> None:
    task = plus_task(1, [1], [2, 3])
    told = document(report_of((task, [PASSED, PASSED, FAILED]), (task, [PASSED] * 3), (task, [FAILED, PASSED, PASSED])))
    assert [(result["base_passed"], result["passed"]) for result in told["results"]] == [
        (True, False),
        (True, True),
        (False, False),
    ]
    rates = {tests: rates["pass@1"]["estimate"] for tests, rates in told["pass_at_k"].items()}
    assert rates == {"base": pytest.approx(2 / 3), "plus": pytest.approx(1 / 3)}


def test_a_data_set_that_extends_none_has_one_rate() -> None:
    told = document(report_of((plain_task(1, 2), [PASSED, PASSED]), (plain_task(2, 1), [NOT_RUN])))
    assert told["pass_at_k"].keys() == {"base"}
    assert told["pass_at_k"]["base"] == {
        "pass@1": {"estimate": 0.5, "low": 0.0, "high": 1.0, "confidence": 0.95, "tasks": 2}
    }


def test_a_task_counts_for_pass_at_k_from_k_programs_on() -> None:
    often, once = plain_task(1, 1), plain_task(2, 1)
    graded = [(often, [PASSED if number == 0 else FAILED]) for number in range(10)]
    rates = document(report_of(*graded, (once, [FAILED])))["pass_at_k"]["base"]
    assert {k: (rate["estimate"], rate["tasks"]) for k, rate in rates.items()} == {
        "pass@1": (pytest.approx(0.05), 2),
        "pass@10": (1.0, 1),
    }


def test_a_shared_case_is_told_once_with_its_reason() -> None:
    task = plain_task(1, 2)
    shared = replace(PASSED, trust=Trust.SHARED, shared_reason="the test names a class of the program")
    trust = document(report_of((task, [PASSED, shared]), (task, [PASSED, shared])))["trust"]
    assert (trust["SEPARATED"], trust["SHARED"], trust["separated_share"]) == (2, 2, 0.5)
    assert trust["shared_cases"] == [
        {"task_id": "Mbpp/1", "case": "test_list[1]", "reason": "the test names a class of the program"}
    ]


def test_what_must_be_known_of_a_task_is_told_where_it_had_a_program() -> None:
    noted, other = plus_task(1, [1], [], note="no extended oracle"), plus_task(2, [1], [], note="not tried")
    told = document(report_of((noted, [PASSED]), more_tasks=[other]))
    assert told["notes"] == {"Mbpp/1": "no extended oracle"}
    assert (told["tasks"], told["tasks_without_program"]) == (1, 1)
    assert (told["programs_of_other_tasks"], told["data_md5"]) == (["Mbpp/99"], "abc")
