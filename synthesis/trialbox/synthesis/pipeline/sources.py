"""Where samples come from: a generator that is asked for them, or a record of earlier ones."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Protocol, cast

from trialbox.synthesis.generators import Completion, FinishReason, Generator, Request, sample_seed
from trialbox.synthesis.prompts import Prompt, extract
from trialbox.synthesis.store import Answer
from trialbox.synthesis.tasks import Sample, Task

_TOGETHER = 256
_MOST_CHARACTERS = 1 << 20
"""No model writes a longer program, and a service would refuse the message, and so end the run each time."""

Batch = Callable[[], Sequence[Answer]]
"""Makes some samples what is kept of them; to be called in the thread that keeps them."""
Indices = Mapping[str, set[int]]
"""Which samples of each task are there already."""


class Source(Protocol):
    """Gives a run its samples."""

    @property
    def wanted(self) -> int:
        """How many the whole run has."""
        ...

    def batches(self, there: Indices) -> AsyncGenerator[Batch, None]:
        """Give all but those that are there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Samples from a generator: so many for each task, each with a seed that its place in the run decides."""

    generator: Generator
    tasks: Sequence[Task]
    prompt: Callable[[Task], Prompt]
    samples: int
    seed: int
    temperature: float
    max_tokens: int
    top_p: float = 1.0

    @property
    def wanted(self) -> int:
        """How many the whole run has."""
        return len(self.tasks) * self.samples

    async def batches(self, there: Indices) -> AsyncGenerator[Batch, None]:
        """Give all but those that are there, and close the generator. Raises GeneratorError."""
        by_id = {task.task_id: task for task in self.tasks}
        completions = self.generator.generate(self._requests(there))
        # The Protocol says AsyncIterator; what is a generator besides is closed at once.
        try:
            async with aclosing(cast(Any, completions)):
                async for batch in completions:
                    yield partial(_answers, batch, by_id)
        finally:
            await self.generator.close()

    def _requests(self, there: Indices) -> Iterator[Request]:
        for number, task in enumerate(self.tasks):
            missing = [index for index in range(self.samples) if index not in there[task.task_id]]
            if missing:
                prompt = self.prompt(task)
            for index in missing:
                yield Request(
                    prompt=prompt,
                    index=index,
                    place=number * self.samples + index,
                    seed=sample_seed(self.seed, task.task_id, index),
                    temperature=self.temperature,
                    top_p=self.top_p,
                    max_tokens=self.max_tokens,
                )


@dataclass(frozen=True, slots=True)
class Recordings:
    """Whole programs that were made before, as evaluators keep them; nothing is extracted from them."""

    samples: Iterable[Sample]
    """Read once, a batch at a time."""
    wanted: int

    async def batches(self, there: Indices) -> AsyncGenerator[Batch, None]:
        """Give all but those that are there. Raises what reading them does."""
        missing = (sample for sample in self.samples if sample.index not in there[sample.task.task_id])
        while taken := await asyncio.to_thread(lambda: list(islice(missing, _TOGETHER))):
            yield partial(_recorded, taken)


def _answers(completions: Sequence[Completion], tasks: Mapping[str, Task]) -> list[Answer]:
    return [_answer(one, tasks[one.request.prompt.task_id]) for one in completions]


def _answer(completion: Completion, task: Task) -> Answer:
    request = completion.request
    is_recorded = completion.program is not None
    return Answer(
        task_id=task.task_id,
        index=request.index,
        text=completion.text,
        source=_program(completion, task),
        finish_reason=completion.finish_reason,
        prompt=None if is_recorded else request.prompt,
        seed=None if is_recorded else request.seed,
        temperature=None if is_recorded else request.temperature,
        tokens=completion.tokens,
        seconds=completion.seconds,
    )


def _program(completion: Completion, task: Task) -> str | None:
    program = extract(completion.text, task) if completion.program is None else completion.program
    return program if program is not None and len(program) <= _MOST_CHARACTERS else None


def _recorded(samples: Sequence[Sample]) -> list[Answer]:
    return [
        Answer(
            task_id=sample.task.task_id,
            index=sample.index,
            text=sample.source,
            source=sample.source,
            finish_reason=FinishReason.STOP,
        )
        for sample in samples
    ]
