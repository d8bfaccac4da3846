"""What every backend does: answer requests, in batches, in any order."""

import enum
import hashlib
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from trialbox.synthesis.prompts import Prompt

DEFAULT_BATCH_SIZE = 32
"""So many samples a model here makes at once."""
DEFAULT_CONCURRENCY = 16
"""So many a server is asked for at once."""


class GeneratorError(Exception):
    """A backend can't go on; what it has yielded before holds."""


class FinishReason(enum.StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    """At a stop string, or where the model said that it is done."""
    LENGTH = "length"
    """At the most tokens allowed: the rest is missing."""
    REFUSED = "refused"
    """The service withheld it, as content filters do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One sample that is wanted."""

    prompt: Prompt
    index: int
    """Which of the task's samples it is, from 0."""
    place: int = 0
    """Which of all that its run asks for, in this order, from 0; those that are answered already among them."""
    seed: int
    """From 0 to 2**63 - 1; the same request with the same seed has the same answer where the backend can hold to it."""
    temperature: float
    """0 takes the likeliest token each time."""
    max_tokens: int
    top_p: float = 1.0
    """Only the likeliest tokens that together have this probability are drawn from."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 63:
            raise ValueError(f"seed must be from 0 to 2**63 - 1, not {self.seed}")
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature must be a finite number that isn't negative, not {self.temperature}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be 1 or more, not {self.max_tokens}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be more than 0 and at most 1, not {self.top_p}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model wrote for a request."""

    request: Request
    text: str
    """Without the prompt and without the stop string."""
    finish_reason: FinishReason
    tokens: int | None
    """How many the model wrote; None where the backend doesn't say."""
    seconds: float | None
    """What it took; in a batch, its share of the batch's time. None where nobody knows any more."""
    program: str | None = None
    """The program to grade, where it was made before: the request's prompt, seed and temperature had no part in it.

    None where it is to be taken out of the text.
    """


class Generator(Protocol):
    """A backend."""

    def generate(self, requests: Iterable[Request]) -> AsyncIterator[Sequence[Completion]]:
        """Answer each request once; what is yielded together is kept together or, at a kill, lost together.

        Takes from `requests` no more than it works on. Raises GeneratorError.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds; it generates nothing afterwards."""
        ...


def sample_seed(run_seed: int, task_id: str, index: int) -> int:
    """Give each sample of a run a seed of its own, the same however the run is cut into batches."""
    digest = hashlib.sha256(f"{run_seed}/{task_id}/{index}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


def before_stop(text: str, stops: Sequence[str]) -> str:
    """Cut a text before the first of the stop strings in it."""
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=len(text))]
