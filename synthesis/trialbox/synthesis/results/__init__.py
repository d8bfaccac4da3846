"""What became of graded programs: how many pass, how far that can be trusted, and the files that tell of it."""

from trialbox.synthesis.results.document import document
from trialbox.synthesis.results.files import FILES, recording, write
from trialbox.synthesis.results.pass_at_k import CONFIDENCE, Estimate, estimate, pass_at_k
from trialbox.synthesis.results.report import Graded, Report, SharedCase
from trialbox.synthesis.results.summary import Summary, TaskCount, summarise, summary_document
from trialbox.synthesis.results.task_runs import NOT_GRADED, PASSED, STATES, Group, TaskRun, task_runs

__all__ = [
    "CONFIDENCE",
    "FILES",
    "NOT_GRADED",
    "PASSED",
    "STATES",
    "Estimate",
    "Graded",
    "Group",
    "Report",
    "SharedCase",
    "Summary",
    "TaskCount",
    "TaskRun",
    "document",
    "estimate",
    "pass_at_k",
    "recording",
    "summarise",
    "summary_document",
    "task_runs",
    "write",
]
