"""Loads tasks and recorded samples from files; needs the standard library and the SDK's values only."""

from trialbox.synthesis.tasks.evalplus import load_humaneval_plus, load_mbpp_plus
from trialbox.synthesis.tasks.humaneval import load_humaneval
from trialbox.synthesis.tasks.mbpp import load_mbpp
from trialbox.synthesis.tasks.rows import TaskFileError, content_md5
from trialbox.synthesis.tasks.samples import Recorded, Sample, load_samples, references
from trialbox.synthesis.tasks.task import Task

__all__ = [
    "Recorded",
    "Sample",
    "Task",
    "TaskFileError",
    "content_md5",
    "load_humaneval",
    "load_humaneval_plus",
    "load_mbpp",
    "load_mbpp_plus",
    "load_samples",
    "references",
]
