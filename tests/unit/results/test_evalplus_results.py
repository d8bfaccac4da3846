"""eval_results.json can be read as evalplus reads its own."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from reports import ERROR, FAILED, NOT_RUN, PASSED, SOURCE, TIMED_OUT, plain_task, plus_task, report_of

from trialbox.client import CaseResult, Stdio, Suite
from trialbox.synthesis.results import Report, pass_at_k, pieces
from trialbox.synthesis.results.evalplus import evalplus_document
from trialbox.synthesis.tasks import Task


def written(report: Report) -> dict[str, Any]:
    """The document as it comes back from a file."""
    document: dict[str, Any] = json.loads("".join(pieces(evalplus_document(report, datetime(2030, 1, 2, 3, 4, 5)))))
    return document


def test_its_keys_are_evalplus_s() -> None:
    told = written(report_of((plus_task(1, [1], [2]), [PASSED, FAILED])))
    assert told.keys() == {"date", "hash", "eval", "pass_at_k"}
    assert (told["date"], told["hash"]) == ("2030-01-02 03:04", "abc")
    assert told["pass_at_k"] == {"base": {"pass@1": 1.0}, "plus": {"pass@1": 0.0}}
    assert told["eval"] == {
        "Mbpp/1": [
            {
                "task_id": "Mbpp/1",
                "solution": SOURCE,
                "base_status": "pass",
                "plus_status": "fail",
                "base_fail_tests": [],
                "plus_fail_tests": [[2]],
            }
        ]
    }


@pytest.mark.parametrize(
    ("base", "plus", "statuses"),
    [
        ([PASSED, PASSED], [PASSED, PASSED], ("pass", "pass")),
        ([PASSED, FAILED], [TIMED_OUT, FAILED], ("fail", "timeout")),
        ([ERROR, TIMED_OUT], [NOT_RUN, NOT_RUN], ("fail", "fail")),
        ([PASSED, TIMED_OUT], [], ("timeout", "timeout")),
        ([PASSED, PASSED], [], ("pass", "pass")),
    ],
)
def test_the_first_case_that_did_not_pass_decides_a_status(
    base: Sequence[CaseResult], plus: Sequence[CaseResult], statuses: tuple[str, str]
) -> None:
    task = plus_task(1, range(len(base)), range(len(plus)))
    (result,) = written(report_of((task, [*base, *plus])))["eval"]["Mbpp/1"]
    assert (result["base_status"], result["plus_status"]) == statuses


def test_a_data_set_that_extends_none_has_no_plus_status() -> None:
    told = written(report_of((plain_task(1, 2), [PASSED, FAILED])))
    (result,) = told["eval"]["Mbpp/1"]
    assert (result["base_status"], result["plus_status"]) == ("fail", None)
    assert (result["base_fail_tests"], result["plus_fail_tests"]) == (["assert f(1) == 1"], [])
    assert told["pass_at_k"].keys() == {"base"}


def test_what_evalplus_counts_is_what_is_told() -> None:
    first, second = plus_task(1, [1], [2]), plus_task(2, [1], [])
    told = written(
        report_of((first, [PASSED, FAILED]), (first, [PASSED, PASSED]), (second, [PASSED]), (second, [FAILED]))
    )
    counted = [
        pass_at_k(len(results), sum(item["base_status"] == item["plus_status"] == "pass" for item in results), 1)
        for results in told["eval"].values()
    ]
    assert counted == [0.5, 0.5]
    assert told["pass_at_k"]["plus"] == {"pass@1": 0.5}


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ((1, (2.5, None)), [1, [2.5, None]]),
        ({2, 1}, [1, 2]),
        (1 + 2j, "(1+2j)"),
        ({"a": (1,), 2: b"\xff"}, {"a": [1], "2": "\\xff"}),
        ("\ud800", "\ud800"),
        (True, True),
    ],
)
def test_arguments_of_failed_tests_are_told_in_json(argument: object, told: object) -> None:
    report = report_of((plus_task(1, [argument], []), [FAILED]))
    assert written(report)["eval"]["Mbpp/1"][0]["base_fail_tests"] == [[told]]


def test_the_input_of_a_failed_stdio_case_is_what_was_typed() -> None:
    task = Task(task_id="Mbpp/1", prompt="", reference="", suite=Suite([Stdio(b"1 2", b"3")]))
    assert written(report_of((task, [FAILED])))["eval"]["Mbpp/1"][0]["base_fail_tests"] == ["1 2"]
