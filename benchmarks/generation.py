"""Tokens a second of the generator on this machine beside the library's plain `generate`, at the same batch sizes.

Both are given the same prompts and write as many tokens for each: no token ends a text. The generator also looks for a
stop string, which never comes; the library is measured without one and with the same one.
"""

import argparse
import asyncio
import functools
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any

import torch
import transformers

from trialbox.synthesis.generators import Request
from trialbox.synthesis.generators.local_model import LocalModel
from trialbox.synthesis.prompts import Prompt

_STOP = "\N{SNOWMAN}[NEVER]"
_TEMPERATURE = 0.5
_loaded: "_Loaded"
_PROMPT = (
    "You are an expert Python programmer, and here is your task: Write a function to multiply a number by {number}. "
    "Your code should pass these tests:\n\nassert multiply(2) == {double}\n[BEGIN]\n"
)


class _Loaded:
    """What a process has loaded; each way of generating has one, so that neither's threads hold up the other's."""

    def __init__(self, name: str, batch_size: int) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(name, padding_side="left")
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        self.model = transformers.AutoModelForCausalLM.from_pretrained(name, dtype=dtype).to(device)
        self.model.generation_config = transformers.GenerationConfig(pad_token_id=self.tokenizer.pad_token_id)
        self.tokenizer.eos_token = None
        self.generator = LocalModel(self.model, self.tokenizer, name=name, batch_size=batch_size)


def main() -> None:
    """Measure in turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="what from_pretrained takes: a folder, or a name on the Hugging Face hub")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--tokens", type=int, default=128, help="how many each text has")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ways = {"generate": _library, "generate, a stop string": _library_stopping, "the generator": _ours}
    with ExitStack() as stack:
        process = functools.partial(
            ProcessPoolExecutor, 1, get_context("spawn"), _load, (options.model, max(options.batch_size))
        )
        workers = {name: stack.enter_context(process()) for name in ways}
        where = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
        print(f"{options.model} on {where}, {options.tokens} tokens a text")
        for size in options.batch_size:
            prompts = [_PROMPT.format(number=number, double=2 * number) for number in range(size)]
            seconds: dict[str, list[float]] = {name: [] for name in ways}
            # The first round, which warms up, doesn't count.
            for number in range(options.rounds + 1):
                for name, way in ways.items():
                    took = workers[name].submit(_timed, way, prompts, options.tokens).result()
                    seconds[name] += [took] if number else []
            _tell(size, {name: size * options.tokens / statistics.median(took) for name, took in seconds.items()})


def _tell(size: int, rates: dict[str, float]) -> None:
    print(f"\n{size} samples at once")
    for name, rate in rates.items():
        print(
            f"{name:24} {rate:10.0f} tokens/s   the generator's is {rates['the generator'] / rate:.2f} of it",
            flush=True,
        )


def _load(name: str, batch_size: int) -> None:
    global _loaded
    _loaded = _Loaded(name, batch_size)


def _timed(way: Callable[[list[str], int], None], prompts: list[str], tokens: int) -> float:
    began = time.perf_counter()
    way(prompts, tokens)
    return time.perf_counter() - began


def _library(prompts: list[str], tokens: int, **options: Any) -> None:
    model, tokenizer = _loaded.model, _loaded.tokenizer
    shown = tokenizer(prompts, return_tensors="pt", padding=True).to(model.device)
    written = model.generate(
        input_ids=shown["input_ids"],
        attention_mask=shown["attention_mask"],
        do_sample=True,
        temperature=_TEMPERATURE,
        top_k=0,
        max_new_tokens=tokens,
        **options,
    )
    tokenizer.batch_decode(written[:, shown["input_ids"].shape[1] :], skip_special_tokens=True)


def _library_stopping(prompts: list[str], tokens: int) -> None:
    _library(prompts, tokens, stop_strings=[_STOP], tokenizer=_loaded.tokenizer)


def _ours(prompts: list[str], tokens: int) -> None:
    asyncio.run(_generate(prompts, tokens))


async def _generate(prompts: list[str], tokens: int) -> None:
    requests = [
        Request(
            prompt=Prompt(task_id=f"Bench/{number}", content=prompt, stop=(_STOP,)),
            index=0,
            seed=number,
            temperature=_TEMPERATURE,
            max_tokens=tokens,
        )
        for number, prompt in enumerate(prompts)
    ]
    async for batch in _loaded.generator.generate(requests):
        if any(completion.tokens != tokens for completion in batch):
            raise RuntimeError("a text ended early; the rates would not be comparable")


if __name__ == "__main__":
    main()
