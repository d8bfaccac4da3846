"""Shows a run as one HTML file that needs no network: figures, plots, and every program with its verdicts."""

from trialbox.synthesis.report.page import write_report

__all__ = ["write_report"]
