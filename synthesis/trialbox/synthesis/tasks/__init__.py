"""Loads tasks and recorded samples from files; needs the standard library and the SDK's values only."""

from trialbox.synthesis.tasks.evalplus import load_humaneval_plus, load_mbpp_plus
from trialbox.synthesis.tasks.hub import located
from trialbox.synthesis.tasks.humaneval import load_humaneval
from trialbox.synthesis.tasks.mathqa import load_mathqa
from trialbox.synthesis.tasks.mbpp import load_mbpp
from trialbox.synthesis.tasks.own import load_own
from trialbox.synthesis.tasks.registry import TaskSet, choose, load
from trialbox.synthesis.tasks.rows import TaskFileError, content_md5
from trialbox.synthesis.tasks.samples import Sample, SampleFile, references
from trialbox.synthesis.tasks.selection import MBPP_SPLITS, SelectionError, select
from trialbox.synthesis.tasks.task import Task

__all__ = [
    "MBPP_SPLITS",
    "Sample",
    "SampleFile",
    "SelectionError",
    "Task",
    "TaskFileError",
    "TaskSet",
    "choose",
    "content_md5",
    "load",
    "load_humaneval",
    "load_humaneval_plus",
    "load_mathqa",
    "load_mbpp",
    "load_mbpp_plus",
    "load_own",
    "located",
    "references",
    "select",
]
