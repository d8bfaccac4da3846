"""A model on this machine, through `transformers`: on a GPU where there is one, else on the CPU."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, Self

from trialbox.synthesis.extras import extra_synthesis
from trialbox.synthesis.generators.generator import DEFAULT_BATCH_SIZE, Completion, GeneratorError, Request
from trialbox.synthesis.prompts import Prompt

with extra_synthesis("a model on this machine"):
    import torch
    import transformers

    from trialbox.synthesis.generators.decoding import Endings, Sampler
    from trialbox.synthesis.generators.loading import Dtype, loaded

_log = logging.getLogger(__name__)

_WINDOW_BATCHES = 8
"""As many batches' requests are sorted by length together."""


@dataclass(frozen=True, slots=True)
class _Item:
    request: Request
    tokens: Sequence[int]


class LocalModel:
    """Samples from a model in this process; a Generator.

    The same run makes the same batches, also where it goes on after a kill, by its requests' places: with the same
    batch size, unless memory was too small for it. A sample depends on its request alone, whatever batch it is in, up
    to how the device rounds sums in batches of other shapes: rarely so in float32, sooner in 16 bits. Other devices and
    dtypes round differently too.
    """

    def __init__(self, model: Any, tokenizer: Any, *, name: str, batch_size: int = DEFAULT_BATCH_SIZE) -> None:
        """Take a model of `transformers` that writes texts, and its tokenizer; `name` is for messages.

        What the model recommends for its `generate` is dropped. Raises GeneratorError.
        """
        if batch_size < 1:
            raise GeneratorError(f"batch_size must be 1 or more, not {batch_size}")
        self._model, self._tokenizer, self._name = model.eval(), tokenizer, name
        self._batch_size = batch_size
        self._window_size = batch_size * _WINDOW_BATCHES
        # One for all: each thread that computes would get helper threads of its own, which hold each other up.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-model")
        self._end_tokens = _end_tokens(model, tokenizer)
        # Padding is masked, so any token will do.
        self._padding = tokenizer.pad_token_id or 0
        # What a model recommends for itself (penalties, top_k, ...) fills up whatever is passed to its `generate`.
        self._model.generation_config = transformers.GenerationConfig(
            do_sample=False, eos_token_id=sorted(self._end_tokens) or None, pad_token_id=self._padding
        )

    @classmethod
    def load(
        cls, model: str, *, batch_size: int = DEFAULT_BATCH_SIZE, device: str | None = None, dtype: Dtype = "auto"
    ) -> Self:
        """Load a model: a folder, or a name on the Hugging Face hub where there is a network.

        Without `device`, the first GPU or else the CPU. `auto` is bfloat16 where a GPU has it, else float32. Raises
        GeneratorError.
        """
        return cls(*loaded(model, device, dtype), name=model, batch_size=batch_size)

    @property
    def batch_size(self) -> int:
        """How many samples are made at once; less than asked for once the memory was too small for that."""
        return self._batch_size

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Sequence[Completion], None]:
        """Answer batch by batch. Raises GeneratorError."""
        loop, cancelled = asyncio.get_running_loop(), threading.Event()
        for window in self._windows(requests):
            items = await loop.run_in_executor(self._thread, self._items, window)
            while items:
                batch, items = items[: self._batch_size], items[self._batch_size :]
                try:
                    completions = await loop.run_in_executor(self._thread, self._complete, batch, cancelled)
                except asyncio.CancelledError:
                    # A thread can't be stopped; this one ends at its next token.
                    cancelled.set()
                    raise
                if completions is None:
                    items = batch + items
                    self._halve(len(batch), len(batch[0].tokens))
                else:
                    yield completions

    async def close(self) -> None:
        """Let go of the model, when the batch that was cancelled has ended."""
        await asyncio.to_thread(self._thread.shutdown)
        self._model = self._tokenizer = None
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def _windows(self, requests: Iterable[Request]) -> Iterator[list[Request]]:
        """Cut a run where an uninterrupted one is cut: what was answered before, batch by batch, is missing only."""
        for _, group in groupby(requests, lambda request: request.place // self._window_size):
            while window := list(islice(group, self._window_size)):
                yield window

    def _items(self, requests: Sequence[Request]) -> list[_Item]:
        # The longest first: if the memory is too small, that shows at once.
        return sorted(map(self._item, requests), key=lambda item: len(item.tokens), reverse=True)

    def _item(self, request: Request) -> _Item:
        tokens = self._tokens(request.prompt)
        most = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if not tokens:
            raise GeneratorError(f"the prompt of {request.prompt.task_id} is empty to the tokenizer of {self._name}")
        if most is not None and len(tokens) + request.max_tokens > most:
            raise GeneratorError(
                f"the prompt of {request.prompt.task_id} has {len(tokens)} tokens; with max_tokens "
                f"{request.max_tokens} that is more than the {most} that {self._name} has room for"
            )
        return _Item(request, tokens)

    def _tokens(self, prompt: Prompt) -> list[int]:
        if isinstance(prompt.content, str):
            tokens: list[int] = self._tokenizer.encode(prompt.content)
            return tokens
        if self._tokenizer.chat_template is None:
            raise GeneratorError(
                f"the tokenizer of {self._name} has no chat template: show it texts, or take a model made for chats"
            )
        messages = [{"role": message.role, "content": message.content} for message in prompt.content]
        try:
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        # Templates are programs of the model's makers, which raise what they like: most take no system message, say.
        except Exception as error:
            raise GeneratorError(
                f"the chat template of {self._name} can't render the prompt of {prompt.task_id}: {error}"
            ) from error
        # The template writes the special tokens itself.
        chat: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return chat

    def _complete(self, batch: Sequence[_Item], cancelled: threading.Event) -> list[Completion] | None:
        """Complete a batch; None where it needs more memory than there is."""
        began = time.monotonic()
        requests = [item.request for item in batch]
        longest = max(len(item.tokens) for item in batch)
        sampler = Sampler(requests, longest, self._model.device)
        endings = Endings(requests, [item.tokens for item in batch], self._tokenizer, self._end_tokens, cancelled)
        missing = [longest - len(item.tokens) for item in batch]
        try:
            self._model.generate(
                input_ids=self._tensor(
                    [self._padding] * gap + [*item.tokens] for gap, item in zip(missing, batch, strict=True)
                ),
                attention_mask=self._tensor([0] * gap + [1] * (longest - gap) for gap in missing),
                max_new_tokens=max(request.max_tokens for request in requests),
                logits_processor=transformers.LogitsProcessorList([sampler]),
                stopping_criteria=transformers.StoppingCriteriaList([endings]),
            )
        except torch.OutOfMemoryError:
            return None
        return endings.completions((time.monotonic() - began) / len(batch))

    def _tensor(self, rows: Iterator[list[int]]) -> Any:
        return torch.tensor(list(rows), device=self._model.device)

    def _halve(self, size: int, tokens: int) -> None:
        if size == 1:
            raise GeneratorError(f"{self._model.device} has too little memory for one prompt of {tokens} tokens")
        self._batch_size = (size + 1) // 2
        _log.warning("out of memory with %d samples at once; going on with %d", size, self._batch_size)
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    told = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])}
    return frozenset(ends - {None})
