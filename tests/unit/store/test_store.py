"""What is written into a run's store is there afterwards, whole or not at all, and in order."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_runs import FAILED, PASSED, SETTINGS, TASKS, answer, begun, graded

from trialbox.client import Evaluation, Isolation, IsolationPath, Usage
from trialbox.synthesis.prompts import Message, Prompt
from trialbox.synthesis.results import stored_report
from trialbox.synthesis.store import ErrorClass, StoredRun, StoreError, evaluations, reopen


def test_samples_come_back_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        store.add([answer("Mbpp/3", 0), answer("Mbpp/1", 1)])
        store.add([answer("Mbpp/1", 0, None), answer("Mbpp/2", 5)])
    with StoredRun(tmp_path) as run:
        assert [task.task_id for task in run.tasks] == ["Mbpp/2", "Mbpp/1", "Mbpp/3"]
        rows = list(run.samples())
        places = [(row.task_id, row.index) for row in rows]
        assert places == [("Mbpp/2", 5), ("Mbpp/1", 0), ("Mbpp/1", 1), ("Mbpp/3", 0)]
        first, no_code, *_ = rows
        assert (first.text, first.seed, first.temperature) == ("Here: one = 1", 2**63 - 1, 0.5)
        assert (first.finish_reason, first.tokens, first.seconds) == ("stop", 7, 0.125)
        assert first.prompt_id is not None and run.prompt(first.prompt_id) == "What is Mbpp/2?"
        assert no_code.program_id is None


def test_a_chat_is_kept_as_json(tmp_path: Path) -> None:
    prompt = Prompt(task_id="Mbpp/1", content=(Message(role="user", content="Wie heißt 1?"),))
    with begun(tmp_path) as store:
        store.add([answer("Mbpp/1", 0, prompt=prompt)])
    with StoredRun(tmp_path) as run:
        assert run.prompt(prompt.prompt_id) == '[{"role": "user", "content": "Wie heißt 1?"}]'


def test_the_same_text_is_one_program_of_each_task(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        new = store.add([answer("Mbpp/1", 0), answer("Mbpp/1", 1), answer("Mbpp/2", 0), answer("Mbpp/1", 2, "two = 2")])
        assert new == 3
        assert store.add([answer("Mbpp/1", 3)]) == 0
        waiting = store.ungraded(0, 10)
        assert [(program.task_id, program.source) for program in waiting] == [
            ("Mbpp/1", "one = 1"),
            ("Mbpp/2", "one = 1"),
            ("Mbpp/1", "two = 2"),
        ]
        counts = store.counts()
        assert (counts.samples, counts.programs, counts.graded, counts.passed) == (5, 3, 0, 0)


def test_what_is_graded_waits_no_longer(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        store.add([answer("Mbpp/1", index, f"n = {index}") for index in range(5)])
        first, second, *_ = store.ungraded(0, 2)
        store.grade([graded(second.program_id, PASSED, PASSED)])
        assert [program.source for program in store.ungraded(0, 10)] == ["n = 0", "n = 2", "n = 3", "n = 4"]
        assert [program.source for program in store.ungraded(first.program_id, 2)] == ["n = 2", "n = 3"]
        assert (store.counts().graded, store.counts().passed) == (1, 1)


def test_verdicts_come_back_with_the_names_of_their_cases(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        store.add([answer("Mbpp/2", 0), answer("Mbpp/2", 1), answer("Mbpp/2", 2, "two = 2"), answer("Mbpp/2", 3, None)])
        first, _ = store.ungraded(0, 2)
        store.grade([graded(first.program_id, PASSED, FAILED)])
    with StoredRun(tmp_path) as run:
        told, waiting = run.programs()
        assert waiting.evaluation is None
        assert told.evaluation is not None
        assert told.evaluation.cases == (PASSED, FAILED)
        assert run.tasks[0].case_names == ["test_list[0]", "test_list[1]"]
        told_of = stored_report(run, TASKS).graded
        assert [(item.sample.index, item.sample.source, item.is_repeated, item.error_class) for item in told_of] == [
            (0, "one = 1", False, ErrorClass.OTHER_RUNTIME),
            (1, "one = 1", True, ErrorClass.OTHER_RUNTIME),
            (3, "", False, ErrorClass.NO_CODE),
        ]


def test_verdicts_that_are_not_of_the_task_s_cases_are_refused(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        store.add([answer("Mbpp/2", 0)])
        store.grade([graded(1, PASSED)])
    with StoredRun(tmp_path) as run, pytest.raises(StoreError, match="program 1 has other verdicts than Mbpp/2 has"):
        list(run.programs())


def test_a_batch_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        store.add([answer("Mbpp/1", 0)])
        with pytest.raises(StoreError, match="UNIQUE"):
            store.add([answer("Mbpp/1", 1, "two = 2"), answer("Mbpp/1", 0)])
        assert (store.counts().samples, store.counts().programs) == (1, 1)
        assert store.indices() == {"Mbpp/1": {0}, "Mbpp/2": set(), "Mbpp/3": set()}


@given(st.text(st.characters(exclude_categories=[]), max_size=30))
def test_any_text_a_model_writes_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("run")
    with begun(folder) as store:
        store.add([answer("Mbpp/1", 0, text)])
        assert [program.source for program in store.ungraded(0, 1)] == [text]
    with StoredRun(folder) as run:
        (row,) = run.samples()
        assert row.text == f"Here: {text}"


@pytest.mark.parametrize("cases", [(), (PASSED,), (FAILED, PASSED, FAILED)])
def test_an_evaluation_comes_back_as_it_was(cases: tuple[object, ...]) -> None:
    isolation = Isolation(path=IsolationPath.WARM, waived_layers=("swap_limit",))
    evaluation = Evaluation(cases=cases, usage=Usage(peak_processes=2), isolation=isolation, request_id="7")  # type: ignore[arg-type]
    assert evaluations.read(evaluations.written(evaluation)) == evaluation


def test_a_run_is_gone_on_with_only_where_that_was_asked_for(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        store.add([answer("Mbpp/1", 0)])
    with pytest.raises(StoreError, match=r"there is a run in .* already; --resume goes on with it"):
        begun(tmp_path)
    with begun(tmp_path, resume=True) as store:
        assert store.counts().samples == 1
    with reopen(tmp_path) as store:
        assert store.settings == SETTINGS


def test_a_file_in_the_folder_s_place_is_named(tmp_path: Path) -> None:
    (file := tmp_path / "run").write_text("")
    with pytest.raises(StoreError, match=f"{file} is a file; a run needs a folder"):
        begun(file)


def test_settings_that_differ_are_named_with_both_values(tmp_path: Path) -> None:
    with begun(tmp_path, free={"data": "here"}) as store:
        store.add([answer("Mbpp/1", 0)])
    with pytest.raises(StoreError, match=r"seed is 1 in the run in .*, and 2 is asked for"):
        begun(tmp_path, {"model": "small", "seed": 2}, resume=True)
    more = {**SETTINGS, "case_seconds": None}
    with begun(tmp_path, more, free={"data": "there"}, resume=True) as store:
        assert store.settings == {**more, "data": "there"}
    with pytest.raises(StoreError, match=r"case_seconds is null in the run in .*, and 5 is asked for"):
        begun(tmp_path, {"case_seconds": 5}, resume=True)


def test_how_programs_are_graded_may_change_until_one_is(tmp_path: Path) -> None:
    with begun(tmp_path, grading={"case_seconds": -3.0}) as store:
        store.add([answer("Mbpp/1", 0)])
    with begun(tmp_path, grading={"case_seconds": 3.0}, resume=True) as store:
        assert store.settings == {**SETTINGS, "case_seconds": 3.0}
        store.grade([graded(store.ungraded(0, 1)[0].program_id)])
    with pytest.raises(StoreError, match=r"case_seconds is 3.0 in the run in .*, and 4.0 is asked for"):
        begun(tmp_path, grading={"case_seconds": 4.0}, resume=True)


@pytest.mark.parametrize("resume", [True, False])
def test_a_run_without_a_sample_gives_way_to_another(tmp_path: Path, resume: bool) -> None:
    begun(tmp_path, {"model": "smal", "chat": True}, free={"data": "here"}).close()
    with StoredRun(tmp_path) as reader:
        assert len(reader.tasks) == len(TASKS)
        prompts = reader.samples()
        with begun(tmp_path, tasks=TASKS[:1], resume=resume) as store:
            assert store.settings == SETTINGS
            assert store.indices() == {"Mbpp/2": set()}
            store.add([answer("Mbpp/2", 0)])
        assert [row.task_id for row in prompts] == ["Mbpp/2"]
    with pytest.raises(StoreError, match=r'model is "small" in the run in .*, and "other" is asked for'):
        begun(tmp_path, {"model": "other"}, resume=True)


def test_a_run_without_a_sample_gives_way_to_none_while_somebody_works_on_it(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        with pytest.raises(StoreError, match="another process is at work on the run in"):
            begun(tmp_path, {"model": "other"})
        store.add([answer("Mbpp/1", 0)])
    with reopen(tmp_path) as store:
        assert (store.settings, store.counts().samples) == (SETTINGS, 1)


def test_one_writer_at_a_time_and_any_reader(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        store.add([answer("Mbpp/1", 0)])
        with pytest.raises(StoreError, match="another process is at work on the run in"):
            begun(tmp_path, resume=True)
        with pytest.raises(StoreError, match="another process is at work on the run in"):
            reopen(tmp_path)
        with StoredRun(tmp_path) as run:
            samples = run.samples()
            assert next(samples).index == 0
            store.add([answer("Mbpp/1", 1)])
            assert list(samples) == [], "it reads what was there when it began"
            assert len(list(run.samples())) == 2
    begun(tmp_path, resume=True).close()


def overwritten(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def of_a_later_version(path: Path) -> None:
    begun(path.parent).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (overwritten, "can't use .*run.sqlite: file is not a database"),
        (foreign, "run.sqlite is no run of trialbox"),
        (of_a_later_version, "is a run in format 99; this trialbox knows format 2"),
    ],
)
def test_a_file_that_is_no_run_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], complaint: str
) -> None:
    path = tmp_path / "run.sqlite"
    make(path)
    content = path.read_bytes()
    for use in (lambda: begun(tmp_path, resume=True), lambda: reopen(tmp_path), lambda: StoredRun(tmp_path)):
        with pytest.raises(StoreError, match=complaint):
            use()
    assert path.read_bytes() == content


def test_where_there_is_no_run_that_is_said(tmp_path: Path) -> None:
    for use in (reopen, StoredRun):
        with pytest.raises(StoreError, match=r"there is no run in .*: it has no run.sqlite"):
            use(tmp_path)
    # As a kill before the first commit leaves it.
    (tmp_path / "run.sqlite").touch()
    with pytest.raises(StoreError, match="was ended before it began"):
        reopen(tmp_path)
    begun(tmp_path).close()


def test_time_adds_up_over_the_parts_of_a_run(tmp_path: Path) -> None:
    seconds = []
    for index in range(2):
        with begun(tmp_path, resume=True) as store:
            store.add([answer("Mbpp/1", index)])
        with StoredRun(tmp_path) as run:
            seconds.append(run.seconds)
    assert 0 < seconds[0] < seconds[1]


def test_no_reading_sorts_the_whole_run(tmp_path: Path) -> None:
    with begun(tmp_path) as store:
        store.add([answer(task.task_id, index, f"n = {index}") for task in TASKS for index in range(3)])
    statements: list[str] = []
    with StoredRun(tmp_path) as run:
        run._connection.set_trace_callback(statements.append)
        for rows in (run.samples(), run.programs()):
            list(rows)
        run._connection.set_trace_callback(None)
        plans = [step for query in statements for *_, step in run._connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert plans and not [step for step in plans if "TEMP B-TREE" in step]
