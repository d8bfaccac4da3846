"""The plots count every task and every sample once, and hold no word that a model wrote."""

from dataclasses import replace
from typing import Any

import report_runs
from report_runs import PASSED, failed, run_of

from trialbox.synthesis.report.figures import figures
from trialbox.synthesis.results import summarise
from trialbox.synthesis.store import RunView

WRONG = failed()


def drawn(run: RunView) -> dict[str, Any]:
    return figures(summarise(run))


def bars(figure: dict[str, Any]) -> dict[str, int]:
    (trace,) = figure["data"]
    return {name: height for name, height in zip(trace["x"], trace["y"], strict=True) if height}


def test_tasks_stand_where_their_share_of_samples_is() -> None:
    answers = {
        f"Mbpp/{passed}": [(f"good{n}", PASSED) if n < passed else (f"bad{n}", WRONG) for n in range(20)]
        for passed in (0, 1, 2, 3, 18, 19, 20)
    }
    assert bars(drawn(run_of(answers))["shares"]) == {"none": 1, "≤ 10": 2, "≤ 20": 1, "≤ 90": 1, "< 100": 1, "all": 1}


def test_every_sample_is_in_one_bar_of_outcomes_and_one_of_tokens() -> None:
    found = drawn(report_runs.many(7, 9))
    (outcomes,) = found["outcomes"]["data"]
    assert sum(map(int, outcomes["text"])) == sum(sum(trace["y"]) for trace in found["tokens"]["data"]) == 63


def test_a_finish_reason_that_nobody_knows_is_called_other() -> None:
    run = run_of({"Mbpp/1": [("x", None)]})
    named = replace(run, sample_rows=[replace(row, finish_reason="<b>") for row in run.sample_rows])
    assert [trace["name"] for trace in drawn(named)["tokens"]["data"]] == ["ended by other"]


def test_base_cases_have_a_curve_of_their_own_where_there_are_any() -> None:
    answers = {"Mbpp/1": [("x", PASSED), ("y", WRONG)]}
    curves = [drawn(run_of(answers, base_cases=base))["pass-at-k"]["data"] for base in (None, 1)]
    names = [[trace["name"] for trace in traces] for traces in curves]
    assert names[0] == ["all cases, 95% interval", "all cases"]
    assert names[1] == ["base cases, 95% interval", "base cases", *names[0]]


def test_a_plot_without_numbers_is_left_out() -> None:
    assert drawn(run_of({"Mbpp/1": []})) == {}
    assert list(drawn(run_of({"Mbpp/1": [("x", None)]}))) == ["outcomes", "tokens"]
