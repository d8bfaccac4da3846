"""What became of graded programs: how many pass, how far that can be trusted, and the files that tell of it."""

from trialbox.synthesis.results.document import document
from trialbox.synthesis.results.error_class import error_class
from trialbox.synthesis.results.files import FILES, recording, write
from trialbox.synthesis.results.pass_at_k import CONFIDENCE, Estimate, estimate, pass_at_k
from trialbox.synthesis.results.report import Graded, Report, SharedCase

__all__ = [
    "CONFIDENCE",
    "FILES",
    "Estimate",
    "Graded",
    "Report",
    "SharedCase",
    "document",
    "error_class",
    "estimate",
    "pass_at_k",
    "recording",
    "write",
]
