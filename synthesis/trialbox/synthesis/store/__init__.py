"""Keeps a run's prompts, samples, programs and verdicts so that no kill loses more than the batch in flight."""

from trialbox.synthesis.store.file import StoreError, is_run
from trialbox.synthesis.store.rows import CaseRow, ErrorClass, ProgramRow, RunView, SampleRow, TaskRow, Verdicts
from trialbox.synthesis.store.store import Counts, Store, Ungraded
from trialbox.synthesis.store.view import StoredRun

__all__ = [
    "CaseRow",
    "Counts",
    "ErrorClass",
    "ProgramRow",
    "RunView",
    "SampleRow",
    "Store",
    "StoreError",
    "StoredRun",
    "TaskRow",
    "Ungraded",
    "Verdicts",
    "is_run",
]
