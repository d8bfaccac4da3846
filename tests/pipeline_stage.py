"""A pipeline with parts that a test can hold up: a generator that answers when told to, and programs that wait."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from trialbox.client import Check, Suite
from trialbox.synthesis.generators import Completion, FinishReason, GeneratorError, Request
from trialbox.synthesis.pipeline import Sampling
from trialbox.synthesis.prompts import Prompt
from trialbox.synthesis.tasks import Task

TASKS = [
    Task(
        task_id=f"Mbpp/{number}",
        prompt=f"Add {number}.",
        reference=f"def add(n): return n + {number}",
        suite=Suite([Check(f"assert add(1) == {number + 1}", name="test_list[0]")]),
    )
    for number in (3, 1, 2)
]


@dataclass
class Writer:
    """A generator that writes what its requests' seeds decide, so many at once; it fails after some, if told to."""

    together: int = 2
    fails_after: int | None = None
    asked: list[Request] = field(default_factory=list)
    closed: bool = False

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Sequence[Completion], None]:
        waiting = iter(requests)
        while taken := list(islice(waiting, self.together)):
            if self.fails_after is not None and len(self.asked) >= self.fails_after:
                raise GeneratorError("the model is gone")
            self.asked += taken
            yield list(map(written, taken))
            await asyncio.sleep(0)

    async def close(self) -> None:
        self.closed = True


def written(request: Request) -> Completion:
    """A right program, one of several wrong ones, or none."""
    number = int(request.prompt.task_id.rpartition("/")[2])
    kind = request.seed % 4
    text = "I can't." if kind == 0 else f"def add(n): return n + {number + kind - 1}  # {request.seed % 8}"
    return Completion(request=request, text=text, finish_reason=FinishReason.STOP, tokens=kind, seconds=None)


def sampling(writer: Writer, *, samples: int = 4, seed: int = 0) -> Sampling:
    return Sampling(
        generator=writer,
        tasks=TASKS,
        prompt=lambda task: Prompt(task_id=task.task_id, content=task.prompt),
        samples=samples,
        seed=seed,
        temperature=0.5,
        max_tokens=60,
    )
