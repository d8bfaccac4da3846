"""Tokens are drawn as the model's probabilities say, and rows end where they should."""

import threading
from collections import Counter
from typing import Any

import pytest
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers
from wanted_samples import request

from trialbox.synthesis.generators import FinishReason, GeneratorError, Request, sample_seed
from trialbox.synthesis.generators.decoding import Endings, Sampler

LOGITS = [2.0, 1.0, 0.0, -1.0, -torch.inf]
DRAWS = 4000


def drawn(requests: list[Request], logits: list[list[float]], *, step: int = 0) -> list[int]:
    sampler = Sampler(requests, 5, torch.device("cpu"))
    scores = sampler(torch.zeros((len(requests), 5 + step), dtype=torch.long), torch.tensor(logits))
    tokens: list[int] = scores.argmax(dim=-1).tolist()
    return tokens


def shares(temperature: float, top_p: float = 1.0) -> list[float]:
    requests = [
        request(seed=sample_seed(0, "Mbpp/11", index), temperature=temperature, top_p=top_p) for index in range(DRAWS)
    ]
    counts = Counter(drawn(requests, [LOGITS] * DRAWS, step=7))
    return [counts[token] / DRAWS for token in range(len(LOGITS))]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_each_token_is_drawn_as_often_as_it_is_likely(temperature: float) -> None:
    likely = torch.softmax(torch.tensor(LOGITS) / temperature, dim=-1).tolist()
    for share, expected in zip(shares(temperature), likely, strict=True):
        assert share == pytest.approx(expected, abs=4 * (expected * (1 - expected) / DRAWS) ** 0.5)


def test_a_nucleus_holds_the_likeliest_tokens_alone() -> None:
    # At temperature 1 the first two have 0.88 together, the first three 0.97.
    first, second, third, fourth, fifth = shares(1.0, top_p=0.8)
    assert (third, fourth, fifth) == (0, 0, 0)
    assert first == pytest.approx(0.731, abs=0.03) and second == pytest.approx(0.269, abs=0.03)
    assert shares(1.0, top_p=0.9)[2] > 0


@pytest.mark.parametrize("temperature", [0.0, 1e-30, 1e-300])
def test_hardly_any_temperature_is_none(temperature: float) -> None:
    assert drawn([request(seed=3, temperature=temperature)] * 2, [LOGITS, LOGITS[::-1]]) == [0, 4]


def test_no_temperature_is_too_high() -> None:
    assert drawn([request(seed=3, temperature=1e300)], [[0.0, -1e30, -torch.inf]])[0] in (0, 1)


def test_scores_that_are_no_numbers_are_told() -> None:
    with pytest.raises(GeneratorError, match="the model's scores are no numbers"):
        drawn([request(seed=3, temperature=1.0)] * 2, [LOGITS, [torch.nan] * len(LOGITS)])


def test_a_row_is_drawn_by_its_own_seed_whatever_is_beside_it() -> None:
    requests = [
        request(seed=seed, temperature=(0.0, 1.0, 2.0)[seed % 3], top_p=(1.0, 0.9)[seed % 2]) for seed in range(60)
    ]
    logits = torch.randn((60, 50), generator=torch.Generator().manual_seed(0)).tolist()
    together = drawn(requests, logits, step=2)
    alone = [drawn([wanted], [row], step=2)[0] for wanted, row in zip(requests, logits, strict=True)]
    assert together == alone


def test_each_step_draws_anew() -> None:
    wanted = [request(seed=3, temperature=1.0)]
    assert len({drawn(wanted, [[0.0] * 50], step=step)[0] for step in range(20)}) > 10


def words(*vocabulary: str) -> Any:
    """A tokenizer that, as many do, writes a space before each word and reads none at the start of a text."""
    tokenizer = tokenizers.Tokenizer(models.WordLevel({word: number for number, word in enumerate(vocabulary)}))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def ended(wanted: Request, tokenizer: Any, prompt: list[int], tokens: list[int], ends: frozenset[int]) -> Any:
    """What a row of these tokens comes to, which follow one another until it is done."""
    endings = Endings([wanted], [prompt], tokenizer, ends, threading.Event())
    shown = list(prompt)
    for token in tokens:
        shown.append(token)
        if endings(torch.tensor([shown]), None).tolist() == [True]:
            break
    (completion,) = endings.completions(1.0)
    return completion


NO_END: frozenset[int] = frozenset()
WORDS = words("▁return", "▁x", "ab", "cd", "▁")


def test_a_text_keeps_the_space_it_begins_with() -> None:
    assert ended(request(), WORDS, [2], [0, 1], NO_END).text == " return x"


def test_a_stop_string_across_tokens_ends_the_row_and_is_cut_off() -> None:
    completion = ended(request(stop=("bc",)), WORDS, [1], [0, 2, 3, 1, 1], NO_END)
    assert (completion.text, completion.tokens, completion.finish_reason) == (" returna", 3, FinishReason.STOP)


def test_of_two_stop_strings_the_first_in_the_text_counts() -> None:
    assert ended(request(stop=("d", "c")), WORDS, [1], [2, 3, 1], NO_END).text == "ab"


def test_a_stop_string_that_begins_in_the_prompt_is_none() -> None:
    completion = ended(request(stop=("abcd",), max_tokens=2), WORDS, [2], [3, 1], NO_END)
    assert (completion.text, completion.finish_reason) == ("cd x", FinishReason.LENGTH)


def test_an_end_token_ends_the_row_at_its_last_token_too() -> None:
    completion = ended(request(max_tokens=2), WORDS, [1], [2, 3, 2], frozenset({3}))
    assert (completion.tokens, completion.finish_reason) == (2, FinishReason.STOP)


def test_a_batch_that_is_not_wanted_any_more_is_done() -> None:
    cancelled = threading.Event()
    endings = Endings([request()], [[1]], WORDS, NO_END, cancelled)
    assert endings(torch.tensor([[1, 2]]), None).tolist() == [False]
    cancelled.set()
    assert endings(torch.tensor([[1, 2, 2]]), None).tolist() == [True]
