"""A real model, trained from scratch for these tests, writes programs that solve tasks it has not seen."""

import asyncio
import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_model
import torch
from wanted_samples import answers, chat, request, texts

from trialbox.client import Sandbox
from trialbox.synthesis.generators import FinishReason, GeneratorError, Request, sample_seed
from trialbox.synthesis.generators.local_model import LocalModel
from trialbox.synthesis.prompts import Message
from trialbox.synthesis.prompts.prompt_format import PromptFormat, Style
from trialbox.synthesis.tasks import load_mbpp

ROWS = small_model.tasks("test", 50)
DONE = ("[DONE]",)

# As small as it is, more threads only wait for each other where other tests run too.
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder() -> str:
    return str(small_model.path())


@pytest.fixture(scope="module")
def model(folder: str) -> LocalModel:
    return LocalModel.load(folder, device="cpu")


def sampled(count: int, **options: Any) -> list[Request]:
    """Samples of several tasks, each of its own seed; some are to be the likeliest, some of a nucleus."""
    return [
        request(
            small_model.prompt(ROWS[index % len(ROWS)], asserts=(3, 1, 0)[index % 3]),
            index=index,
            seed=sample_seed(0, "Mbpp/11", index),
            temperature=(1.0, 0.0, 1.2)[index % 3],
            top_p=(1.0, 0.9)[index % 2],
            stop=DONE,
            **options,
        )
        for index in range(count)
    ]


def assert_alike(requests: list[Request], found: list[str], expected: list[str]) -> None:
    """The likeliest texts are the same, and the drawn ones but for two.

    Processors that round sums in larger batches differently may change one now and then.
    """
    others = [one for one, text, other in zip(requests, found, expected, strict=True) if text != other]
    assert len(others) <= 2
    assert all(one.temperature > 0 for one in others)


async def test_the_likeliest_programs_solve_tasks_that_the_model_has_not_seen(
    model: LocalModel, tmp_path: Path
) -> None:
    tasks = load_mbpp(small_model.write_tasks(tmp_path / "tasks.jsonl", ROWS))
    written = await texts(model, [request(small_model.prompt(row), stop=DONE) for row in ROWS])
    with Sandbox.local() as box:
        pairs = ((text, task.suite) for text, task in zip(written, tasks, strict=True))
        solved = sum(evaluation.passed for evaluation in box.evaluate_many(pairs))
    assert 10 <= solved < len(ROWS)


@pytest.mark.parametrize("asserts", [0, 1, 3])
def test_the_model_learnt_the_papers_prompts(tmp_path: Path, asserts: int) -> None:
    tasks = load_mbpp(small_model.write_tasks(tmp_path / "tasks.jsonl", ROWS))
    shown = PromptFormat(style=Style.FEW_SHOT, shown_asserts=asserts)
    assert [shown.prompt(task).content for task in tasks] == [small_model.prompt(row, asserts=asserts) for row in ROWS]


async def test_a_sample_is_the_same_alone_and_in_any_batch(folder: str) -> None:
    requests = sampled(40)
    several = [LocalModel.load(folder, device="cpu", batch_size=size) for size in (1, 7, 40)]
    alone, *batched = [await texts(model, requests) for model in several]
    for together in batched:
        assert_alike(requests, together, alone)
    assert_alike(requests[::-1], await texts(several[1], requests[::-1]), alone[::-1])
    assert len(set(alone)) > 20


async def test_a_run_that_goes_on_makes_the_batches_of_one_that_was_never_interrupted(folder: str) -> None:
    model = LocalModel.load(folder, device="cpu", batch_size=4)
    run = [replace(wanted, place=place) for place, wanted in enumerate(sampled(80, max_tokens=1))]
    whole = [[item.request.place for item in batch] async for batch in model.generate(run)]
    assert [len(batch) for batch in whole] == [4] * 20
    for kept in range(1, 20):
        answered = {place for batch in whole[:kept] for place in batch}
        missing = [wanted for wanted in run if wanted.place not in answered]
        assert [[item.request.place for item in batch] async for batch in model.generate(missing)] == whole[kept:]


async def test_another_seed_gives_another_sample(model: LocalModel) -> None:
    prompt = small_model.prompt(ROWS[0])
    requests = [request(prompt, seed=seed, temperature=2.0) for seed in (1, 2, 1)]
    first, other, again = await texts(model, requests)
    assert first == again != other


@pytest.mark.parametrize("stop", ["turn", "\n", "]", "def", "f "])
async def test_a_stop_string_is_never_in_the_text(model: LocalModel, stop: str) -> None:
    prompt = small_model.prompt(ROWS[0])
    whole, completion = await answers(model, [request(prompt), request(prompt, stop=(stop,))])
    assert completion.text == whole.text[: whole.text.index(stop)]
    assert completion.finish_reason is FinishReason.STOP


async def test_each_row_has_its_own_most_tokens(model: LocalModel) -> None:
    prompt = small_model.prompt(ROWS[0])
    wanted = [request(prompt, max_tokens=most, temperature=0.01 if most < 60 else 0.0) for most in (1, 5, 60)]
    found = await answers(model, wanted)
    assert [item.tokens for item in found[:2]] == [1, 5]
    reasons = [item.finish_reason for item in found]
    assert reasons == [FinishReason.LENGTH, FinishReason.LENGTH, FinishReason.STOP]
    assert found[2].text.startswith(found[1].text)
    assert found[2].text.endswith("[DONE]")


async def test_a_chat_is_written_by_the_tokenizers_own_template(model: LocalModel) -> None:
    prompt = small_model.prompt(ROWS[0])
    in_chat, in_text = await texts(model, [request(chat(prompt.removesuffix("\n[BEGIN]\n"))), request(prompt)])
    assert in_chat == in_text


@pytest.fixture
def changed(folder: str, tmp_path: Path) -> Path:
    """A copy of the model, to change."""
    return Path(shutil.copytree(folder, tmp_path / "changed"))


async def test_a_tokenizer_without_a_chat_template_is_told(changed: Path) -> None:
    (changed / "chat_template.jinja").unlink()
    model = LocalModel.load(str(changed), device="cpu")
    with pytest.raises(GeneratorError, match=r"the tokenizer of .*/changed has no chat template"):
        await answers(model, [request(chat("Do."))])


async def test_what_a_template_refuses_is_told(changed: Path) -> None:
    (changed / "chat_template.jinja").write_text("{{ raise_exception('no system messages here') }}")
    model = LocalModel.load(str(changed), device="cpu")
    wanted = request([Message(role="system", content="Be brief."), *chat("Do.")])
    with pytest.raises(GeneratorError, match=r"can't render the prompt of Mbpp/11: no system messages here"):
        await answers(model, [wanted])


async def test_what_a_model_recommends_for_itself_is_not_applied(changed: Path, model: LocalModel) -> None:
    told = (changed / "generation_config.json").read_text()
    (changed / "generation_config.json").write_text(told.replace("{", '{"repetition_penalty": 50.0,', 1))
    requests = sampled(6)
    assert await texts(LocalModel.load(str(changed), device="cpu"), requests) == await texts(model, requests)


async def test_a_prompt_that_leaves_too_little_room_is_told(model: LocalModel) -> None:
    with pytest.raises(
        GeneratorError, match=r"the prompt of Mbpp/11 has \d+ tokens; with max_tokens 4096 that is more"
    ):
        await answers(model, [request("x = ", max_tokens=4096)])


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=f"can't load the model '{tmp_path}': "):
        LocalModel.load(str(tmp_path), device="cpu")


@pytest.mark.parametrize("path", ["./nowhere", "../nowhere", "/nowhere/at/all", "~/nowhere", "no/where/here"])
def test_a_path_to_no_folder_is_told_without_asking_the_hub_for_it(path: str) -> None:
    with pytest.raises(GeneratorError, match=f"can't load the model '{path}': there is no such folder"):
        LocalModel.load(path, device="cpu")


def test_a_device_that_there_is_not_is_told(folder: str) -> None:
    with pytest.raises(GeneratorError, match="device must be a device such as cpu, cuda or cuda:1, not 'gpu'"):
        LocalModel.load(folder, device="gpu")


@pytest.fixture
def hooked(folder: str) -> tuple[LocalModel, Any]:
    """A model, and the part of it that runs once for each token of a batch."""
    loaded, tokenizer = small_model.load()
    return LocalModel(loaded, tokenizer, name="hooked", batch_size=32), loaded.model


async def test_with_too_little_memory_batches_are_halved_and_nothing_is_lost(
    hooked: tuple[LocalModel, Any], model: LocalModel, caplog: pytest.LogCaptureFixture
) -> None:
    tight, layers = hooked
    sizes: list[int] = []

    def limit(_: Any, __: Any, options: dict[str, Any]) -> None:
        sizes.append(len(options["input_ids"]))
        if sizes[-1] > 10:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    layers.register_forward_pre_hook(limit, with_kwargs=True)
    requests = sampled(40)
    assert_alike(requests, await texts(tight, requests), await texts(model, requests))
    assert tight.batch_size == 8
    assert sizes[:3] == [32, 16, 8]
    assert caplog.messages == [
        "out of memory with 32 samples at once; going on with 16",
        "out of memory with 16 samples at once; going on with 8",
    ]


async def test_a_prompt_that_does_not_fit_alone_is_an_error(hooked: tuple[LocalModel, Any]) -> None:
    tight, layers = hooked

    def refuse(*_: Any) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    layers.register_forward_pre_hook(refuse)
    with pytest.raises(GeneratorError, match=r"cpu has too little memory for one prompt of \d+ tokens"):
        await answers(tight, [request("x = ")])


async def test_the_loop_stays_free_and_a_batch_ends_when_it_is_cancelled(hooked: tuple[LocalModel, Any]) -> None:
    endless, layers = hooked
    loop = asyncio.get_running_loop()
    second_step, cancelled = asyncio.Event(), threading.Event()
    steps = 0

    def step(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            loop.call_soon_threadsafe(second_step.set)
            # The loop is free to run the test meanwhile, or this would never end.
            assert cancelled.wait(20)

    layers.register_forward_pre_hook(step)
    task = asyncio.create_task(answers(endless, [request("x = ", temperature=50.0, max_tokens=4000)]))
    await second_step.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    cancelled.set()
    await endless.close()
    assert steps == 2


async def test_requests_are_taken_a_bounded_window_at_a_time(hooked: tuple[LocalModel, Any]) -> None:
    model, _ = hooked
    taken = 0

    def counted() -> Any:
        nonlocal taken
        for wanted in sampled(600, max_tokens=1):
            taken += 1
            yield wanted

    given_back = 0
    async for batch in model.generate(counted()):
        assert taken - given_back <= 8 * 32
        given_back += len(batch)
    assert given_back == 600


def test_pickled_weights_are_refused(folder: str, tmp_path: Path) -> None:
    copy = tmp_path / "pickled"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save({}, copy / "pytorch_model.bin")
    with pytest.raises(GeneratorError, match="safetensors"):
        LocalModel.load(str(copy), device="cpu")


def test_code_that_comes_with_a_model_is_not_run(folder: str, tmp_path: Path) -> None:
    copy, ran = tmp_path / "coded", tmp_path / "ran"
    shutil.copytree(folder, copy)
    (copy / "modeling.py").write_text(f"open({str(ran)!r}, 'w')\n")
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "modeling.Own", "AutoModelForCausalLM": "modeling.Own"}}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(GeneratorError, match="can't load the model"):
        LocalModel.load(str(copy), device="cpu")
    assert not ran.exists()
