"""Samples programs and grades them at the same time; what lies between is the store."""

from trialbox.synthesis.pipeline.grading import GradingOptions
from trialbox.synthesis.pipeline.pipeline import Progress, run
from trialbox.synthesis.pipeline.sampling import Sampling
from trialbox.synthesis.pipeline.settings import RunSettings, SettingsError

__all__ = ["GradingOptions", "Progress", "RunSettings", "Sampling", "SettingsError", "run"]
