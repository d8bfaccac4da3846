"""What is kept of a run, as its readers see it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trialbox.client import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A task of the run."""

    task_id: str
    prompt: str
    """What the data set says of it."""
    reference: str | None
    """None where the data set has none."""
    base_cases: int | None
    """How many cases, from the first, are those of the data set that this one extends; None where it extends none."""
    note: str
    case_names: Sequence[str]

    def base_passed(self, evaluation: Evaluation) -> bool | None:
        """Whether the first `base_cases` all passed; None where the task extends no other."""
        return None if self.base_cases is None else Evaluation(cases=evaluation.cases[: self.base_cases]).passed


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """One answer of the model."""

    task_id: str
    index: int
    prompt_id: str | None
    """None where the sample was recorded elsewhere, and how it was made isn't known."""
    seed: int | None
    temperature: float | None
    text: str
    finish_reason: str
    tokens: int | None
    seconds: float | None
    program_id: int | None
    """None where the answer holds no program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRow:
    """A program that samples of one task came to; the same text is one program, executed once."""

    program_id: int
    task_id: str
    source: str
    evaluation: Evaluation | None
    """A result for each of the task's cases; None while it is not graded."""


class RunView(Protocol):
    """A run's content, to read; sequences of any length come as iterators, in the order of tasks, then of samples."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the run was asked for: the model, the data set's name and file, samples, temperature, seed, ..."""
        ...

    @property
    def tasks(self) -> Sequence[TaskRow]:
        """In the data set's order."""
        ...

    def prompt(self, prompt_id: str) -> str:
        """What the model was shown; a chat as JSON."""
        ...

    def samples(self) -> Iterator[SampleRow]:
        """All of them."""
        ...

    def programs(self) -> Iterator[ProgramRow]:
        """All of them, by task."""
        ...
