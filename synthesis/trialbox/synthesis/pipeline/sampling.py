"""Asks a generator for the samples that are missing, and keeps what it answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from trialbox.synthesis.generators import Completion, Generator, Request, sample_seed
from trialbox.synthesis.prompts import PromptFormat, extract
from trialbox.synthesis.store import Store
from trialbox.synthesis.tasks import Task

_MOST_PROGRAM_CHARACTERS = 4 << 20
"""More is no program that a model wrote, and no message holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What is to be sampled, and how."""

    samples: int
    """Of each task."""
    format: PromptFormat
    temperature: float
    top_p: float
    max_tokens: int
    seed: int


async def sample(
    store: Store,
    tasks: Sequence[Task],
    sampling: Sampling,
    generator: Generator,
    on_samples: Callable[[int, int], None],
) -> None:
    """Have all samples made that the store has not got; tells how many came each time, and with how many programs.

    Raises GeneratorError, PromptError and StoreError; what came before is kept.
    """
    by_id = {task.task_id: task for task in tasks}
    async for batch in generator.generate(_missing(store, tasks, sampling)):
        pairs = [(completion, _program(completion, by_id[completion.request.prompt.task_id])) for completion in batch]
        on_samples(len(pairs), store.add_samples(pairs))


def _missing(store: Store, tasks: Sequence[Task], sampling: Sampling) -> Iterator[Request]:
    """Task by task, so that equal prompts come together."""
    for task in tasks:
        there = store.sampled(task.task_id)
        if len(there) == sampling.samples:
            continue
        prompt = sampling.format.prompt(task)
        for index in range(sampling.samples):
            if index not in there:
                yield Request(
                    prompt=prompt,
                    index=index,
                    seed=sample_seed(sampling.seed, task.task_id, index),
                    temperature=sampling.temperature,
                    max_tokens=sampling.max_tokens,
                    top_p=sampling.top_p,
                )


def _program(completion: Completion, task: Task) -> str | None:
    program = extract(completion.text, task) if completion.program is None else completion.program
    return None if program is None or len(program) > _MOST_PROGRAM_CHARACTERS else program
