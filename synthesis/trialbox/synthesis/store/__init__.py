"""Keeps a run's prompts, samples, programs and verdicts so that no kill loses more than the batch in flight."""

from trialbox.synthesis.store.rows import CaseRow, ErrorClass, ProgramRow, RunView, SampleRow, TaskRow, Verdicts

__all__ = ["CaseRow", "ErrorClass", "ProgramRow", "RunView", "SampleRow", "TaskRow", "Verdicts"]
