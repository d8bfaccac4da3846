"""Requests for samples and what they come to, in short."""

from collections.abc import Iterable, Sequence

from trialbox.synthesis.generators import Completion, Generator, Request
from trialbox.synthesis.prompts import Message, Prompt


def request(
    content: str | Sequence[Message] = "x = ",
    *,
    task_id: str = "Mbpp/11",
    index: int = 0,
    seed: int = 0,
    temperature: float = 0.0,
    max_tokens: int = 60,
    top_p: float = 1.0,
    stop: tuple[str, ...] = (),
) -> Request:
    """A request, by default for the likeliest text."""
    shown = content if isinstance(content, str) else tuple(content)
    return Request(
        prompt=Prompt(task_id=task_id, content=shown, stop=stop),
        index=index,
        seed=seed,
        temperature=temperature,
        max_tokens=max_tokens,
        top_p=top_p,
    )


def chat(text: str) -> list[Message]:
    """A chat of one message."""
    return [Message(role="user", content=text)]


async def answers(generator: Generator, requests: Iterable[Request]) -> list[Completion]:
    """All completions, in the order of the requests."""
    wanted = list(requests)
    found = {id(item.request): item async for batch in generator.generate(wanted) for item in batch}
    assert len(found) == len(wanted)
    return [found[id(item)] for item in wanted]


async def texts(generator: Generator, requests: Iterable[Request]) -> list[str]:
    """What they say."""
    return [item.text for item in await answers(generator, requests)]
