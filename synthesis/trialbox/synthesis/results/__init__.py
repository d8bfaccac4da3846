"""What became of graded programs: how many pass, how far that can be trusted, and the files that tell of it."""

from trialbox.synthesis.results.document import document
from trialbox.synthesis.results.files import FILES, remove, write
from trialbox.synthesis.results.graded import Graded, SharedCase
from trialbox.synthesis.results.json_pieces import pieces
from trialbox.synthesis.results.pass_at_k import CONFIDENCE, Estimate, Share, estimate, pass_at_k, share
from trialbox.synthesis.results.report import Report
from trialbox.synthesis.results.stored import stored_report
from trialbox.synthesis.results.summary import Summary, TaskCount, summarise
from trialbox.synthesis.results.tally import Tally, TaskTally

__all__ = [
    "CONFIDENCE",
    "FILES",
    "Estimate",
    "Graded",
    "Report",
    "Share",
    "SharedCase",
    "Summary",
    "Tally",
    "TaskCount",
    "TaskTally",
    "document",
    "estimate",
    "pass_at_k",
    "pieces",
    "remove",
    "share",
    "stored_report",
    "summarise",
    "write",
]
