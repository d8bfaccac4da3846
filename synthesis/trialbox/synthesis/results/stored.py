"""The report of a run that is kept in a folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trialbox.client import Evaluation
from trialbox.synthesis.results.graded import Graded
from trialbox.synthesis.results.report import Report
from trialbox.synthesis.store import StoredRun, StoreError, task_runs
from trialbox.synthesis.tasks import Sample, Task


def stored_report(run: StoredRun, tasks: Sequence[Task]) -> Report:
    """Tell of what a run has graded so far; `run` must stay open as long as the report is used."""
    return Report(
        tasks=tasks,
        graded=_StoredPrograms(run, {task.task_id: task for task in tasks}),
        wall_seconds=run.seconds,
        data_md5=run.settings.get("data_md5", ""),
        other_ids=run.settings.get("other_ids", ()),
    )


@dataclass(frozen=True, slots=True)
class _StoredPrograms:
    run: StoredRun
    tasks: Mapping[str, Task]

    def __iter__(self) -> Iterator[Graded]:
        for run in task_runs(self.run):
            task = self.tasks.get(run.task.task_id)
            if task is None or len(run.task.case_names) != len(task.suite.cases):
                raise StoreError(f"the run's verdicts for {run.task.task_id!r} are not those of the tasks' cases")
            seen: set[int] = set()
            for row, program in run.answers:
                sample = Sample(task=task, index=row.index, source="" if program is None else program.source)
                if program is None:
                    yield Graded(sample, Evaluation(cases=()), has_program=False)
                elif program.evaluation is not None:
                    yield Graded(sample, program.evaluation, is_repeated=program.program_id in seen)
                    seen.add(program.program_id)
