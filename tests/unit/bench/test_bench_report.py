"""What is made of the figures: medians, percentiles, ratios and their bounds."""

import dataclasses
import json

import pytest

from trialbox.bench.goals import Goal, goals
from trialbox.bench.loads import Graded
from trialbox.bench.measure import KINDS, Findings
from trialbox.bench.memory import Footprint
from trialbox.bench.report import document, show
from trialbox.bench.stretch import Row, Stretch, percentile


def row(per_second: float, p50: float, p99: float) -> Row:
    return Row(
        executions=10,
        per_second=per_second,
        per_second_of_rounds=[per_second - 1, per_second, per_second + 1],
        p50_seconds=p50,
        p99_seconds=p99,
    )


FINDINGS = Findings(
    load_average=0.25,
    slots=2,
    rounds=3,
    seconds=1.0,
    rows={
        **{kind: row(1, 1, 1) for kind in KINDS},
        "bare_fork": row(1000, 0.002, 0.004),
        "nsjail": row(100, 0.020, 0.030),
        "nsjail_alone": row(50, 0.016, 0.030),
        "cold_alone": row(40, 0.020, 0.030),
        "unary_1": row(200, 0.005, 0.010),
        "unary_16": row(400, 0.040, 0.080),
        "batch": Row(executions=10, per_second=450, per_second_of_rounds=[450.0], p50_seconds=None, p99_seconds=None),
    },
    idle_slots=[
        Footprint(processes=4, private_bytes=9_000_000, proportional_bytes=12_000_000),
        Footprint(processes=4, private_bytes=17_000_000, proportional_bytes=20_000_000),
    ],
    references=Graded(programs=974, passed=973, elapsed_seconds=10.0),
)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7.0], 99, 7.0),
        ([1.0, 2.0], 50, 1.5),
        ([3.0, 1.0, 2.0], 50, 2.0),
        (list(range(101)), 99, 99.0),
        (list(range(101)), 1, 1.0),
    ],
)
def test_a_percentile_lies_between_neighbours(values: list[float], percent: int, expected: float) -> None:
    assert percentile(values, percent) == pytest.approx(expected)


def test_the_rate_of_loops_side_by_side_is_over_the_longest() -> None:
    stretch = Stretch.of([[0.5, 0.5, 0.5], [0.5, 1.5]])
    assert (stretch.executions, stretch.per_second) == (5, 2.5)
    assert sorted(stretch.seconds) == [0.5, 0.5, 0.5, 0.5, 1.5]


def test_rates_are_medians_of_rounds_and_percentiles_are_of_all_rounds_together() -> None:
    rounds = [Stretch.of([[0.1] * 10]), Stretch.of([[0.2] * 5]), Stretch.of([[1.0]])]
    summed = Row.of(rounds)
    assert summed.per_second_of_rounds == pytest.approx([10, 5, 1])
    assert (summed.executions, summed.per_second, summed.p50_seconds) == (16, 5, 0.1)
    assert summed.p99_seconds == pytest.approx(0.88)


def test_what_has_no_times_of_its_own_has_no_percentiles() -> None:
    summed = Row.of([Stretch(executions=30, elapsed_seconds=2.0)])
    assert (summed.per_second, summed.p50_seconds, summed.p99_seconds) == (15, None, None)


def test_each_promise_is_the_ratio_that_its_name_says() -> None:
    values = {goal.name: (goal.value, goal.met) for goal in goals(FINDINGS)}
    assert values == {
        "unary_16_rate_to_bare_fork": (0.4, True),
        "batch_rate_to_bare_fork": (0.45, True),
        "unary_16_rate_to_nsjail": (4, True),
        "unary_1_p50_to_bare_fork": (2.5, True),
        "unary_16_p99_to_p50": (2, True),
        "unary_16_p99_to_unary_1_p50": (16, False),
        "cold_p50_to_nsjail": (1.25, True),
        "idle_slot_megabytes": (17, False),
    }


@pytest.mark.parametrize(("relation", "met"), [(">=", [False, True, True]), ("<=", [True, True, False])])
def test_a_bound_itself_keeps_the_promise(relation: str, met: list[bool]) -> None:
    assert [Goal("", "", value, relation, 2).met for value in (1, 2, 3)] == met


def test_the_document_is_json_and_holds_everything() -> None:
    written = json.loads(json.dumps(document(FINDINGS)))
    assert written["settings"] == {"slots": 2, "rounds": 3, "seconds": 1.0}
    assert list(written["rows"]) == list(KINDS)
    assert written["rows"]["unary_16"] == dataclasses.asdict(FINDINGS.rows["unary_16"])
    assert [slot["private_bytes"] for slot in written["idle_slots"]] == [9_000_000, 17_000_000]
    assert written["mbpp"] == {"programs": 974, "passed": 973, "elapsed_seconds": 10.0, "programs_per_second": 97.4}
    assert written["goals"][0] == {
        "name": "unary_16_rate_to_bare_fork",
        "what": "rate: warm at 16 / bare fork",
        "value": 0.4,
        "relation": ">=",
        "must": 0.35,
        "hoped": [0.5, 0.7],
        "met": True,
    }


def test_people_see_rates_ratios_memory_and_what_was_not_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show(dataclasses.replace(FINDINGS, references=None))
    shown = capsys.readouterr().out
    for text in (
        "bare fork, compiler warmed",
        "399 to 401",
        "40.00",
        "0.5, 0.7",
        "missed",
        "17.0 MB private",
        "before: 0.2.",
    ):
        assert text in shown
    assert shown.endswith("MBPP's references: not measured (--mbpp FILE).\n")
    assert all(len(line) <= 80 for line in shown.splitlines()[2:-2])
