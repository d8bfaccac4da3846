"""A small real model and the programming tasks that it learnt, for tests of everything that samples from models.

    path()                  a folder that `from_pretrained` loads: weights, tokenizer, chat template
    load()                  the model and its tokenizer
    tasks("test", 20)       rows in MBPP's shape that the model has not seen; it solves most of them, not all
    tasks("train", 20)      rows from what it was trained on
    tasks("prompt", 10)     rows under the ids of the paper's examples, from what it was trained on
    write_tasks(file, rows) as JSON Lines, which load_mbpp reads
    prompt(row)             what the model is to be shown: the paper's format without examples

The model has seen the paper's format without examples (with them it answers nothing of use) and with 0, 1 or 3 asserts;
it ends its answers with [DONE]. It was shown chains of one and two operations. The tasks for tests have chains of three
too, which it gets wrong. Its chat template writes the messages one after the other and then [BEGIN]: a chat of one
user's message, a prompt without its last line, is the same text.

The first call of `path` trains it, in about half a minute, and keeps it in .tools; whoever calls meanwhile, in other
processes too, waits.
"""

import fcntl
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

Split = Literal["prompt", "test", "train"]
Row = dict[str, Any]

_TOOLS = Path(__file__).resolve().parents[1] / ".tools"
_TRAINING = Path(__file__).with_name("small_model_training.py")

_FIRST_IDS: Mapping[Split, int] = {"prompt": 1, "test": 11, "train": 601}
_MOST: Mapping[Split, int] = {"prompt": 10, "test": 500, "train": 374}

_HELD_OUT_SHARE = 0.1
_LEARNT_LENGTHS = (1, 2, 2)
_TESTED_LENGTHS = (1, 2, 2, 3)
_HIGHEST_OPERAND = 19

# How people say it, and how Python does.
_OPERATIONS: Mapping[str, tuple[str, str]] = {
    "add": ("add {operand} to {what}", "+"),
    "subtract": ("subtract {operand} from {what}", "-"),
    "multiply": ("multiply {what} by {operand}", "*"),
    "divide": ("divide {what} by {operand} without remainder", "//"),
    "reduce": ("reduce {what} modulo {operand}", "%"),
}


def path() -> Path:
    """The trained model's folder."""
    code = b"".join(file.read_bytes() for file in (Path(__file__), _TRAINING))
    versions = [metadata.version(name) for name in ("tokenizers", "torch", "transformers")]
    key = hashlib.sha256(code + repr(versions).encode()).hexdigest()[:16]
    folder = _TOOLS / "small-model" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part = folder.with_suffix(".part")
            environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
            subprocess.run([sys.executable, _TRAINING, part], check=True, env=environment)
            part.rename(folder)
    return folder


def load() -> tuple[Any, Any]:
    """The model and its tokenizer, as `transformers` gives them."""
    import transformers

    folder = path()
    return (
        transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32"),
        transformers.AutoTokenizer.from_pretrained(folder),
    )


def tasks(split: Split, count: int) -> list[Row]:
    """The first tasks of a split, always the same."""
    if not 0 < count <= _MOST[split]:
        raise ValueError(f"{split} has 1 to {_MOST[split]} tasks, not {count}")
    rows = _unlike(split)
    return [{"task_id": _FIRST_IDS[split] + number, **next(rows)} for number in range(count)]


def write_tasks(file: Path, rows: Iterable[Row]) -> Path:
    """Write tasks as MBPP's file has them."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def prompt(row: Row, *, asserts: int = 3) -> str:
    """What the model is shown of a task."""
    shown = "\n".join(row["test_list"][:asserts])
    told = f"You are an expert Python programmer, and here is your task: {row['text']}"
    if shown:
        told += f" Your code should pass these tests:\n\n{shown}"
    return f"{told}\n[BEGIN]\n"


def training_rows(seed: int) -> Iterator[Row]:
    """Tasks that aren't of the split "test", without end."""
    source = random.Random(seed)
    while True:
        row = _row(source, _LEARNT_LENGTHS)
        if not _is_held_out(row):
            yield row


def _unlike(split: Split) -> Iterator[Row]:
    source = random.Random(split)
    seen = set()
    while True:
        row = _row(source, _TESTED_LENGTHS if split == "test" else _LEARNT_LENGTHS)
        if _is_held_out(row) is (split == "test") and row["text"] not in seen:
            seen.add(row["text"])
            yield row


def _is_held_out(row: Row) -> bool:
    return hashlib.sha256(row["text"].encode()).digest()[0] < 256 * _HELD_OUT_SHARE


def _row(source: random.Random, lengths: Sequence[int]) -> Row:
    names = source.sample(list(_OPERATIONS), source.choice(lengths))
    operands = [source.randint(2, _HIGHEST_OPERAND) for _ in names]
    of_list = source.random() < 0.5
    steps: list[str] = []
    formula = "n"
    for name, operand in zip(names, operands, strict=True):
        words, sign = _OPERATIONS[name]
        what = "it" if steps else "each number of a list" if of_list else "a number"
        steps.append(words.format(operand=operand, what=what))
        formula = f"{f'({formula})' if len(steps) > 1 else formula} {sign} {operand}"
    function = "_".join([*names, *(["all"] if of_list else [])])
    numbers = source.sample(range(1, 100), 3)
    if of_list:
        code = f"def {function}(numbers):\n    return [{formula} for n in numbers]"
        arguments: list[object] = [[number] for number in numbers]
    else:
        code = f"def {function}(n):\n    return {formula}"
        arguments = list(numbers)
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    return {
        "text": f"Write a function to {' and then '.join(steps)}.",
        "code": code,
        "test_setup_code": "",
        "test_list": [f"assert {function}({value!r}) == {namespace[function](value)!r}" for value in arguments],
        "challenge_test_list": [],
    }
