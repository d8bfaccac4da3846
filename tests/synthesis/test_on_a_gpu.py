"""On a real GPU: the same texts as elsewhere, 16 bits where it has them, and on with less when its memory is full."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import small_model
import torch
from wanted_samples import request, texts

from trialbox.synthesis.generators import Request, sample_seed
from trialbox.synthesis.generators.local_model import LocalModel

if not torch.cuda.is_available():
    pytest.skip("torch finds no GPU here", allow_module_level=True)

ROWS = small_model.tasks("test", 50)
DONE = ("[DONE]",)


@pytest.fixture(scope="module")
def folder() -> str:
    return str(small_model.path())


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Of the GPU's memory this process may have 200 MB."""
    gc.collect()
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(200e6 / whole)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def likeliest() -> list[Request]:
    return [request(small_model.prompt(row), stop=DONE) for row in ROWS]


def sampled(count: int) -> list[Request]:
    return [
        request(
            small_model.prompt(ROWS[index % len(ROWS)]),
            index=index,
            seed=sample_seed(0, "Mbpp/11", index),
            temperature=1.0,
            stop=DONE,
        )
        for index in range(count)
    ]


def parameters(model: LocalModel) -> Any:
    return next(model._model.parameters())


async def test_a_gpu_is_taken_where_there_is_one_and_so_are_its_16_bits(folder: str) -> None:
    held = parameters(LocalModel.load(folder))
    assert held.device.type == "cuda"
    assert held.dtype is (torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32)


async def test_the_likeliest_programs_are_those_of_the_processor(folder: str) -> None:
    here, there = (LocalModel.load(folder, device=device, dtype="float32") for device in ("cuda", "cpu"))
    assert await texts(here, likeliest()) == await texts(there, likeliest())


async def test_the_likeliest_programs_in_16_bits_are_the_librarys(folder: str) -> None:
    model = LocalModel.load(folder, batch_size=len(ROWS))
    library, tokenizer = model._model, model._tokenizer
    shown = tokenizer(
        [item.prompt.content for item in likeliest()], return_tensors="pt", padding=True, padding_side="left"
    )
    shown = {name: shown[name].to(library.device) for name in ("input_ids", "attention_mask")}
    written = library.generate(**shown, max_new_tokens=60, stop_strings=list(DONE), tokenizer=tokenizer)
    expected = tokenizer.batch_decode(written[:, shown["input_ids"].shape[1] :], skip_special_tokens=True)
    assert await texts(model, likeliest()) == [text.partition(DONE[0])[0] for text in expected]


async def test_a_sample_is_the_same_alone_and_in_any_batch(folder: str) -> None:
    several = [LocalModel.load(folder, dtype="float32", batch_size=size) for size in (1, 7, 40)]
    alone, *batched = [await texts(model, sampled(40)) for model in several]
    assert batched == [alone, alone]
    assert len(set(alone)) > 20


async def test_when_its_memory_is_full_batches_are_halved_and_nothing_is_lost(
    folder: str, little_memory: None, caplog: pytest.LogCaptureFixture
) -> None:
    model = LocalModel.load(folder, dtype="float32", batch_size=1024)
    found = await texts(model, sampled(1024))
    assert model.batch_size < 1024
    assert caplog.messages[0] == "out of memory with 1024 samples at once; going on with 512"
    assert found == await texts(LocalModel.load(folder, dtype="float32", batch_size=32), sampled(1024))


async def test_closed_it_holds_nothing_of_the_gpu(folder: str) -> None:
    gc.collect()
    before = torch.cuda.memory_allocated()
    model = LocalModel.load(folder)
    await texts(model, likeliest())
    await model.close()
    assert torch.cuda.memory_allocated() <= before
