"""The report of a run that is kept in a folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trialbox.synthesis.results.graded import Graded
from trialbox.synthesis.results.report import Report
from trialbox.synthesis.store import StoredRun
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
            sample = Sample(task=self.tasks[one.task_id], index=one.index, source=one.source or "")
            yield Graded(sample, one.evaluation, has_program=one.source is not None, is_repeated=one.is_repeated)
