"""A model as large as you like with random weights, to measure rates where no trained one is at hand.

By default it has the shape of a Llama of 1.1 billion parameters, in bfloat16. Its tokenizer is trained on the standard
library of the Python that runs this. How fast a model writes depends on its shape, not on what it learnt.
"""

import argparse
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, trainers

_END = "<end>"
_HEAD_SIZE = 64


def main() -> None:
    """Write the model to a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=22)
    parser.add_argument("--hidden-size", type=int, default=2048, help=f"a multiple of {_HEAD_SIZE}")
    parser.add_argument("--vocabulary", type=int, default=32_000)
    options = parser.parse_args()
    tokenizer = _tokenizer(options.vocabulary)
    torch.manual_seed(0)
    model = _model(tokenizer, layers=options.layers, hidden_size=options.hidden_size)
    model.save_pretrained(options.folder)
    tokenizer.save_pretrained(options.folder)
    print(f"{options.folder}: {model.num_parameters() / 1e9:.2f} billion parameters, {len(tokenizer)} tokens")


def _model(tokenizer: Any, *, layers: int, hidden_size: int) -> Any:
    heads = hidden_size // _HEAD_SIZE
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        intermediate_size=hidden_size * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 8),
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    # Drawing the numbers takes a processor a minute.
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)


def _tokenizer(vocabulary: int) -> Any:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_standard_library(), trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=_END, pad_token=_END)


def _standard_library() -> Iterator[str]:
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        yield path.read_text(errors="replace")


if __name__ == "__main__":
    main()
