"""The report of a run that is kept in a folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trialbox.synthesis.results.graded import Graded
from trialbox.synthesis.results.report import Report
from trialbox.synthesis.store import StoredRun, StoreError
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
        for one in self.run.graded():
            task = self.tasks.get(one.task_id)
            if task is None or (one.source is not None and len(one.evaluation.cases) != len(task.suite.cases)):
                raise StoreError(f"the run's verdicts for {one.task_id!r} are not those of the tasks' cases")
            sample = Sample(task=task, index=one.index, source=one.source or "")
            yield Graded(sample, one.evaluation, has_program=one.source is not None, is_repeated=one.is_repeated)
