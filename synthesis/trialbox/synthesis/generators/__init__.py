"""Samples programs from language models: each backend in a module of its own, behind one Protocol."""

from trialbox.synthesis.generators.generator import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_CONCURRENCY,
    Completion,
    FinishReason,
    Generator,
    GeneratorError,
    Request,
    sample_seed,
)

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "DEFAULT_CONCURRENCY",
    "Completion",
    "FinishReason",
    "Generator",
    "GeneratorError",
    "Request",
    "sample_seed",
]
