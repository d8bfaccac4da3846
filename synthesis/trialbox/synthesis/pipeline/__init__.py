"""Samples and grades at once: the store is the queue between the two, so neither waits for the other."""

from trialbox.synthesis.pipeline.grading import Grading
from trialbox.synthesis.pipeline.pipeline import Pipeline, Progress
from trialbox.synthesis.pipeline.sources import Recordings, Sampling, Source

__all__ = ["Grading", "Pipeline", "Progress", "Recordings", "Sampling", "Source"]
