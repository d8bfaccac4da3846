"""MathQA's formulas become programs that come to the correct option, as many as were published."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.client import Call, Sandbox, Trust
from trialbox.synthesis.tasks import Sample, SampleFile, TaskFileError, load_mathqa, references
from trialbox.synthesis.tasks.mathqa_formula import OPERATIONS, FormulaError, first_fraction, numbers, solve

Write = Callable[..., Path]

ROW: dict[str, Any] = {
    "Problem": "in a school of 1,200 boys , 44 % are tall . how many are not ?",
    "Rationale": "...",
    "options": "a ) 672 , b ) 528 , c ) 44 , d ) none of these , e ) 1 / 2",
    "correct": "a",
    "linear_formula": "subtract(const_100,n1)|multiply(n0,#0)|divide(#1,const_100)|",
}


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(*rows: dict[str, Any]) -> Path:
        path = tmp_path / "mathqa.json"
        path.write_text(json.dumps(rows))
        return path

    return write


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.local() as box:
        yield box


def test_a_formula_becomes_a_program_with_a_line_for_each_number_and_operation(written: Write) -> None:
    (task,) = load_mathqa(written(ROW))
    assert task.task_id == "MathQA/0"
    assert task.prompt == ROW["Problem"] + " n0 = 1200.0 n1 = 44.0"
    assert task.reference == "n0 = 1200.0\nn1 = 44.0\nt0 = 100.0 - n1\nt1 = n0 * t0\nanswer = t1 / 100.0"


def test_math_is_imported_where_it_is_used() -> None:
    assert solve("circle_area(n0)|multiply(#0,const_pi)", [2.0]).source == (
        "import math\nn0 = 2.0\nt0 = math.pi * n0 ** 2\nanswer = t0 * math.pi"
    )


def test_what_is_expected_is_the_option_and_nothing_of_it_is_in_the_program_that_is_graded(written: Write) -> None:
    (task,) = load_mathqa(written(ROW | {"options": "a ) 671.5 boys , b ) 2 , c ) 3 , d ) 4 , e ) 5"}))
    (case,) = task.suite.cases
    assert isinstance(case, Call)
    assert (case.expected, case.relative_tolerance) == (671.5, 0.01)
    (sample,) = references([task])
    assert sample.source == f"{task.reference}{task.ending}"
    assert "671" not in sample.source


@pytest.mark.parametrize("field", ["solution", "completion"])
def test_recorded_programs_are_graded_by_their_answer_too(tmp_path: Path, written: Write, field: str) -> None:
    tasks = load_mathqa(written(ROW))
    (tmp_path / "samples.jsonl").write_text(json.dumps({"task_id": 0, field: "answer = 672"}))
    (sample,) = SampleFile(tmp_path / "samples.jsonl", tasks)
    assert sample.source == "answer = 672" + tasks[0].ending


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24", 24),
        ("rs . 1,200.50", 1200.5),
        ("- 5 %", 5),
        ("-5", -5),
        ("31 / 36", 31 / 36),
        ("13 1 / 2", 13),
        ("2 : 1", 2),
        ("1 / 0", 1),
        ("1e3 m", 1000),
        ("none of these", None),
    ],
)
def test_an_option_is_its_first_number_or_fraction(text: str, value: float | None) -> None:
    assert first_fraction(text) == value


def test_an_option_ends_where_the_next_begins(written: Write) -> None:
    rows = [ROW | {"correct": "d", "options": options} for options in ("d ) none , e ) 672", "['d ) none', 'e ) 672']")]
    for row in rows:
        with pytest.raises(TaskFileError, match="no row's formula comes to its correct option"):
            load_mathqa(written(row))
    assert len(load_mathqa(written(ROW | {"options": "['a ) 672 m', 'b ) 1']"}))) == 1


def test_the_numbers_of_a_question_are_found_in_order() -> None:
    assert numbers("4,000 + .5 is 3 - 1 , or -2 , 1.5e2 and two ; 7.") == [4000, 0.5, 3, 1, -2, 150, 7]


@pytest.mark.parametrize(
    ("formula", "complaint"),
    [
        ("", "'' is no known operation"),
        ("add(n0,n1)||", "'' is no known operation"),
        ("exec(n0)", r"'exec\(n0\)' is no known operation"),
        ("add(n0)", "must have 2 arguments"),
        ("add(n0,n2)", "there is no n2"),
        ("add(n0,#0)", "there is no #0"),
        ("add(n0,x)", "'x' is no number"),
        ("add(n0,const_1_2_3)", "'const_1_2_3' is no number"),
        ("add(n0,n-1)", "'n-1' is no number"),
        ("divide(n0,const_0)", "has no value"),
        ("permutation(n1,n1)", "has no value: .* is too much to count with"),
        ("choose(n1,n0)", "has no value: .* is too much to count with"),
        ("negate(n0)|power(#0,const_0_5)", "has no finite value"),
        ("power(n1,n1)|power(#0,n1)|power(#1,n1)", "has no value"),
    ],
)
def test_a_formula_without_a_value_says_why(formula: str, complaint: str) -> None:
    with pytest.raises(FormulaError, match=complaint):
        solve(formula, [2.0, 1e30])


@given(st.text(alphabet="add(n0123,#const_pi)|./-\n é٣", max_size=60), st.lists(st.floats(-1e6, 1e6), max_size=4))
def test_any_formula_is_solved_or_refused(formula: str, given_numbers: list[float]) -> None:
    try:
        solution = solve(formula, given_numbers)
    except FormulaError:
        return
    assert math.isfinite(solution.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"Problem": None}, "item 1, field 'Problem': must be a string, not null"),
        ({"correct": "f"}, "item 1, field 'correct': must be one of a, b, c, d, e, not 'f'"),
        ({"options": "b ) 2"}, "item 1, field 'options': holds no option 'a'"),
    ],
)
def test_a_fault_names_its_place(written: Write, change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TaskFileError) as raised:
        load_mathqa(written(ROW | change))
    assert complaint in str(raised.value)


def test_rows_without_a_match_a_value_or_anything_new_are_left_out(written: Write) -> None:
    rows = [
        ROW | {"correct": "b"},
        ROW | {"linear_formula": "subtract(n0,n0)", "options": "a ) 0"},
        ROW | {"linear_formula": "min(n0,n1)", "options": "a ) 44"},
        ROW,
        ROW | {"Rationale": "told otherwise"},
    ]
    assert [task.task_id for task in load_mathqa(written(*rows))] == ["MathQA/3"]


def evaluated(box: Sandbox, samples: list[Sample]) -> list[bool]:
    evaluations = list(box.evaluate_many([(sample.source, sample.task.suite) for sample in samples], ordered=True))
    assert {case.trust for found in evaluations for case in found.cases} == {Trust.SEPARATED}
    return [found.passed for found in evaluations]


def test_a_program_is_graded_by_what_it_leaves_in_answer(written: Write, sandbox: Sandbox) -> None:
    (task,) = load_mathqa(written(ROW))
    answers = {
        **{"answer = 672": True, "answer = 678.0": True, "answer = '672'": True, "answer = 679": False},
        **{"answer = [672]": False, "x = 672": False, "answer = 1 / 0": False, "": False, "answer = 672 \\": True},
        "class Any:\n  def __float__(self): return self\n  def __eq__(self, other): return True\nanswer = Any()": False,
        "answer = 672\nraise SystemExit": False,
    }
    samples = [Sample(task=task, index=0, source=task.whole(answer)) for answer in answers]
    assert dict(zip(answers, evaluated(sandbox, samples), strict=True)) == answers


ARGUMENTS = [(5.0, 3.0, 4.0), (2.0, 7.0, 1.5), (0.25, 0.5, 0.5), (12.0, 12.5, 2.0)]


def test_every_operation_does_in_the_program_what_it_came_to_before(sandbox: Sandbox) -> None:
    sources, values, names = [], [], set()
    for name, (arity, *_) in OPERATIONS.items():
        for arguments in ARGUMENTS:
            call = f"{name}({','.join(f'n{position}' for position in range(arity))})"
            try:
                solution = solve(call, arguments)
            except FormulaError:
                continue
            sources.append(f"{solution.source}\nprint(repr(answer))")
            values.append(solution.value)
            names.add(name)
    assert names == set(OPERATIONS)
    printed = [float(done.stdout) for done in sandbox.run_many(sources, ordered=True)]
    assert printed == values


PUBLISHED = [
    ("mathqa-dev.json", 4475, 2822),
    ("mathqa-test.json", 2985, 1883),
    ("mathqa-challenge_test.json", 604, 403),
]


@pytest.mark.needs_data
@pytest.mark.parametrize(("name", "rows", "converted"), PUBLISHED)
def test_as_many_rows_convert_as_were_published(data_folder: Path, name: str, rows: int, converted: int) -> None:
    assert len(json.loads((data_folder / name).read_text())) == rows
    assert len(load_mathqa(data_folder / name)) == converted


@pytest.mark.needs_data
def test_converted_programs_give_their_answers_in_the_sandbox(
    data_folder: Path, sandbox: Sandbox, thorough: bool
) -> None:
    # All 4,705 with --thorough, else a tenth of them.
    samples = [sample for name, *_ in PUBLISHED[:2] for sample in references(load_mathqa(data_folder / name))]
    assert all(evaluated(sandbox, samples if thorough else samples[::10]))
