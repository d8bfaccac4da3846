"""Keeps a run's prompts, samples, programs and verdicts so that no kill loses more than the batch in flight."""

from trialbox.synthesis.store.error_class import ErrorClass, error_class
from trialbox.synthesis.store.errors import StoreError
from trialbox.synthesis.store.opening import begin, reopen
from trialbox.synthesis.store.reading import StoredRun
from trialbox.synthesis.store.rows import ProgramRow, RunView, SampleRow, TaskRow
from trialbox.synthesis.store.store import Answer, Counts, GradedProgram, Store, Ungraded
from trialbox.synthesis.store.task_runs import NOT_GRADED, PASSED, STATES, Group, TaskRun, task_runs

__all__ = [
    "NOT_GRADED",
    "PASSED",
    "STATES",
    "Answer",
    "Counts",
    "ErrorClass",
    "GradedProgram",
    "Group",
    "ProgramRow",
    "RunView",
    "SampleRow",
    "Store",
    "StoreError",
    "StoredRun",
    "TaskRow",
    "TaskRun",
    "Ungraded",
    "begin",
    "error_class",
    "reopen",
    "task_runs",
]
