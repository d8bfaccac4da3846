"""Keeps a run's prompts, samples, programs and verdicts so that no kill loses more than the batch in flight."""

from trialbox.synthesis.store.errors import StoreError
from trialbox.synthesis.store.opening import begin, reopen
from trialbox.synthesis.store.reading import GradedSample, StoredRun
from trialbox.synthesis.store.rows import CaseRow, ErrorClass, ProgramRow, RunView, SampleRow, TaskRow, Verdicts
from trialbox.synthesis.store.store import Answer, Counts, GradedProgram, Store, Ungraded
from trialbox.synthesis.store.task_runs import NOT_GRADED, PASSED, STATES, Group, TaskRun, task_runs

__all__ = [
    "NOT_GRADED",
    "PASSED",
    "STATES",
    "Answer",
    "CaseRow",
    "Counts",
    "ErrorClass",
    "GradedProgram",
    "GradedSample",
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
    "Verdicts",
    "begin",
    "reopen",
    "task_runs",
]
