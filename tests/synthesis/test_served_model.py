"""A model served by a published server answers as it does in this process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hosts
import pytest
import small_model
import torch
from wanted_samples import answers, chat, request

from trialbox.synthesis.generators import Completion, FinishReason, GeneratorError
from trialbox.synthesis.generators.local_model import LocalModel
from trialbox.synthesis.generators.openai_compatible import OpenAICompatible

ROWS = small_model.tasks("test", 6)
PROMPTS = [small_model.prompt(row) for row in ROWS]
DONE = ("[DONE]",)

# As small as it is, more threads only wait for each other where other tests run too.
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder() -> str:
    return str(small_model.path())


@pytest.fixture(scope="module")
def served(folder: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with _serving(folder, tmp_path_factory.mktemp("served")) as url:
        yield url


@contextmanager
def _serving(folder: str, logs: Path, *options: str) -> Iterator[str]:
    """`transformers serve` with the small model."""
    port, log = _free_port(), logs / "log"
    command = [str(Path(sys.executable).with_name("transformers")), "serve", folder, "--device", "cpu", *options]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as file:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], env=environment, stdout=file, stderr=file
        )
    try:
        hosts.eventually(lambda: server.poll() is not None or _listens(port), "a server of models", seconds=120)
        assert server.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    # It loads the model first.
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


async def _served_and_local(served: str, folder: str) -> tuple[list[Completion], list[Completion]]:
    requests = [
        *(request(prompt, stop=DONE) for prompt in PROMPTS),
        *(request(chat(prompt.removesuffix("\n[BEGIN]\n")), stop=DONE) for prompt in PROMPTS),
        request(PROMPTS[0], max_tokens=3),
    ]
    remote = OpenAICompatible(served, folder, concurrency=len(requests))
    try:
        over_http = await answers(remote, requests)
    finally:
        await remote.close()
    local = await answers(LocalModel.load(folder, device="cpu"), requests)
    assert "return" in local[0].text and local[-1].finish_reason is FinishReason.LENGTH
    return over_http, local


async def test_a_served_model_writes_the_same_likeliest_texts(folder: str, served: str) -> None:
    over_http, local = await _served_and_local(served, folder)
    assert [item.text for item in over_http] == [item.text for item in local]
    assert [item.finish_reason for item in over_http] == [item.finish_reason for item in local]
    assert [item.tokens for item in over_http] == [item.tokens for item in local]


async def test_a_server_that_batches_continuously_gets_them_too(folder: str, thorough: bool, tmp_path: Path) -> None:
    if not thorough:
        pytest.skip("takes half a minute on a processor: make test-thorough does it")
    with _serving(folder, tmp_path, "--continuous-batching") as served:
        over_http, local = await _served_and_local(served, folder)
    assert [item.text for item in over_http] == [item.text for item in local]
    assert [item.finish_reason for item in over_http] == [item.finish_reason for item in local]


async def test_what_the_server_says_of_a_refused_request_is_told(served: str) -> None:
    remote = OpenAICompatible(served, "another")
    with pytest.raises(GeneratorError, match=r"/v1/completions answered 400: Server is pinned to .*'another'"):
        await answers(remote, [request("x = ")])
    await remote.close()
