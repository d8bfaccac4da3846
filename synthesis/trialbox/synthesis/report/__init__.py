"""Shows a run as one HTML file that needs no network: what came of it in figures and plots, and every program with its verdicts."""

from trialbox.synthesis.report.page import write_report

__all__ = ["write_report"]
