"""What happens at each step of decoding a batch: one token is drawn for each row, and rows end.

A row's tokens don't depend on the rows beside it: each has random numbers of its own, from its request's seed.
"""

import random
import threading
from collections.abc import Sequence
from typing import Any

from trialbox.synthesis.extras import extra_synthesis
from trialbox.synthesis.generators.generator import Completion, FinishReason, GeneratorError, Request, before_stop

with extra_synthesis("decoding"):
    import torch

_CONTEXT_TOKENS = 8
"""Of the prompt, read with what comes after it: many tokenizers write a text's first token differently."""
_SPARE_TOKENS = 4
"""Read beyond the length of a stop string: a character cut in two must not hide it, nor a token without text."""


class Sampler:
    """Draws the next token of each row; to `generate` it is a logits processor that leaves one token possible."""

    def __init__(self, requests: Sequence[Request], prompt_tokens: int, device: Any) -> None:
        self._prompt_tokens = prompt_tokens
        self._sampled = [row for row, request in enumerate(requests) if request.temperature > 0]
        self._rows = torch.tensor(self._sampled, device=device)
        sampled = [requests[row] for row in self._sampled]
        # A row that is done is drawn for until the last one is.
        steps = max(request.max_tokens for request in requests)
        # Python promises that `random` gives the same numbers for ever; a device's own generator differs from others.
        numbers = [random.Random(request.seed) for request in sampled]
        self._uniform = _column([[source.random() for _ in range(steps)] for source in numbers], device)
        # Beyond these, which are none and any, float32 has no number or divides by zero.
        temperatures = [[min(max(request.temperature, 1e-30), 1e30)] for request in sampled]
        self._temperatures = _column(temperatures, device)
        self._top_p = _column([[request.top_p] for request in sampled], device)
        self._nuclei = any(request.top_p < 1 for request in sampled)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Make the drawn token of each sampled row the likeliest; the others keep theirs."""
        if not self._sampled:
            return scores
        everyone = len(self._sampled) == len(scores)
        chosen = self._draw(scores if everyone else scores[self._rows], input_ids.shape[1] - self._prompt_tokens)
        only = torch.full_like(scores, -torch.inf) if everyone else scores.clone()
        if not everyone:
            only[self._rows] = -torch.inf
        only[self._rows, chosen] = 0
        return only

    def _draw(self, scores: Any, step: int) -> Any:
        # The highest is made 0 first: divided by a low temperature, others would overflow.
        highest = scores.max(dim=-1, keepdim=True).values
        probabilities = torch.softmax((scores - highest) / self._temperatures, dim=-1)
        if self._nuclei:
            probabilities = self._nucleus(probabilities)
        reached = probabilities.cumsum(dim=-1)
        # Above zero: a token of no probability is never where the sum first reaches it.
        wanted = (self._uniform[:, step : step + 1] * reached[:, -1:]).clamp(min=torch.finfo(reached.dtype).tiny)
        chosen = torch.searchsorted(reached, wanted).squeeze(-1)
        if (chosen == reached.shape[-1]).any():
            raise GeneratorError("the model's scores are no numbers: its weights may need a wider dtype")
        return chosen

    def _nucleus(self, probabilities: Any) -> Any:
        ordered, tokens = probabilities.sort(dim=-1, descending=True)
        before = ordered.cumsum(dim=-1) - ordered
        dropped = (before >= self._top_p) & (self._top_p < 1)
        return probabilities.scatter(-1, tokens, ordered.masked_fill(dropped, 0))


class Endings:
    """Ends each row at a stop string, an end token or its most tokens; to `generate` it is a stopping criterion."""

    def __init__(
        self,
        requests: Sequence[Request],
        prompts: Sequence[Sequence[int]],
        tokenizer: Any,
        end_tokens: frozenset[int],
        cancelled: threading.Event,
    ) -> None:
        self._requests = requests
        self._tokenizer = tokenizer
        self._end_tokens = end_tokens
        self._cancelled = cancelled
        self._contexts = [list(prompt[-_CONTEXT_TOKENS:]) for prompt in prompts]
        self._tails = [
            max((len(stop.encode()) for stop in request.prompt.stop), default=0) + _SPARE_TOKENS for request in requests
        ]
        self._written: list[list[int]] = [[] for _ in requests]
        self._reasons: list[FinishReason | None] = [None] * len(requests)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Say which rows are done; all are where the whole batch isn't wanted any more."""
        stopped = self._cancelled.is_set()
        for row, token in enumerate(input_ids[:, -1].tolist()):
            if self._reasons[row] is None:
                self._written[row].append(token)
                self._reasons[row] = self._reason(row, token)
        done = [stopped or reason is not None for reason in self._reasons]
        return torch.tensor(done, device=input_ids.device)

    def completions(self, seconds: float) -> list[Completion]:
        """What each row came to, when all are done."""
        return [
            Completion(
                request=request,
                text=before_stop(self._text(row), request.prompt.stop),
                finish_reason=self._reasons[row] or FinishReason.LENGTH,
                tokens=len(self._written[row]),
                seconds=seconds,
            )
            for row, request in enumerate(self._requests)
        ]

    def _reason(self, row: int, token: int) -> FinishReason | None:
        request, written = self._requests[row], self._written[row]
        if token in self._end_tokens:
            return FinishReason.STOP
        if request.prompt.stop:
            tail = self._decode(written[-self._tails[row] :])
            if any(stop in tail for stop in request.prompt.stop):
                return FinishReason.STOP
        return FinishReason.LENGTH if len(written) >= request.max_tokens else None

    def _text(self, row: int) -> str:
        context = self._contexts[row]
        return self._decode(context + self._written[row])[len(self._decode(context)) :]

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def _column(rows: list[list[float]], device: Any) -> Any:
    return torch.tensor(rows, dtype=torch.float32, device=device)
