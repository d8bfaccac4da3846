"""Samples programs from language models: each backend in a module of its own, behind one Protocol."""

from trialbox.synthesis.generators.generator import (
    Completion,
    FinishReason,
    Generator,
    GeneratorError,
    Request,
    sample_seed,
)

__all__ = ["Completion", "FinishReason", "Generator", "GeneratorError", "Request", "sample_seed"]
