"""Loads tasks and recorded samples from files; needs the standard library and the SDK's values only."""

from trialbox.synthesis.tasks.humaneval import load_humaneval
from trialbox.synthesis.tasks.mbpp import load_mbpp
from trialbox.synthesis.tasks.rows import TaskFileError
from trialbox.synthesis.tasks.samples import Sample, load_samples, references
from trialbox.synthesis.tasks.task import Task

__all__ = ["Sample", "Task", "TaskFileError", "load_humaneval", "load_mbpp", "load_samples", "references"]
