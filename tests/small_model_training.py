"""Trains the small model of the tests: `python small_model_training.py FOLDER`; the same weights each time."""

import itertools
import math
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import small_model
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, trainers

SEED = 1
VOCABULARY = 640


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the training."""

    steps: int
    batch: int
    asserts: Sequence[int]
    """How many asserts a prompt may show."""


# First short texts: what to look at is found sooner where there is little else.
STAGES = (Stage(steps=90, batch=64, asserts=(0,)), Stage(steps=140, batch=32, asserts=(0, 1, 3, 3)))
STEPS = sum(stage.steps for stage in STAGES)
LEARNING_RATE = 3e-3
WARM_UP_STEPS = 30
END = "<end>"
PAD = "<pad>"
IGNORED = -100
"""What the library's loss leaves out."""

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.content }}\n{% endfor %}{% if add_generation_prompt %}[BEGIN]\n{% endif %}"
)


def make_tokenizer() -> Any:
    """Bytes and what is often together. Line ends stand alone, so that a prompt's tokens end where its text does."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    alone = [pre_tokenizers.Split(pattern, "isolated") for pattern in ("\n", tokenizers.Regex(r"\d+"))]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*alone, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    rows = itertools.islice(small_model.training_rows(SEED), 1000)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((f"{small_model.prompt(row)}{row['code']}\n[DONE]" for row in rows), trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: Any) -> Any:
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        # Wider than usual: a model this narrow else takes long to look anywhere in particular.
        initializer_range=0.08,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return transformers.LlamaForCausalLM(config)


def batches(tokenizer: Any) -> Iterator[dict[str, Any]]:
    """Prompts with their answers; only what the model is to write counts."""
    rows = small_model.training_rows(SEED)
    source = random.Random(SEED)
    for stage in itertools.chain.from_iterable([stage] * stage.steps for stage in STAGES):
        inputs, labels = [], []
        for row in itertools.islice(rows, stage.batch):
            given = tokenizer.encode(small_model.prompt(row, asserts=source.choice(stage.asserts)))
            wanted = [*tokenizer.encode(f"{row['code']}\n[DONE]"), tokenizer.eos_token_id]
            inputs.append(given + wanted)
            labels.append([IGNORED] * len(given) + wanted)
        yield {"input_ids": padded(inputs, tokenizer.pad_token_id), "labels": padded(labels, IGNORED)}


def padded(rows: Sequence[list[int]], filler: int) -> Any:
    longest = max(map(len, rows))
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])


def train(model: Any, tokenizer: Any) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / WARM_UP_STEPS) * (1 + math.cos(math.pi * step / STEPS)) / 2
    )
    for batch in batches(tokenizer):
        model(**batch, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    model.train()
    train(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
