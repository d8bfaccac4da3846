"""A client of models' servers asks as the protocol has it, and lives with servers that fail."""

import asyncio
import gzip
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from scripted_http import RESET, Answer, Received, Reply, Served, serving, unreachable
from wanted_samples import answers, chat, request

from trialbox.synthesis.generators import Completion, FinishReason, GeneratorError, Request
from trialbox.synthesis.generators.openai_compatible import OpenAICompatible
from trialbox.synthesis.generators.retries import Patience

HURRIED = Patience(most_attempts=4, first_wait_seconds=0.001)
SOON_TIRED = Patience(most_attempts=4, most_attempts_unreached=2, first_wait_seconds=0.001)
NEVER = Patience(first_wait_seconds=1e6, longest_wait_seconds=1e6)
"""Who waits by this waits for ever."""
KEY = "sk-very-secret"


def text_reply(text: str, finish_reason: str = "stop", tokens: int = 3) -> Reply:
    choice = {"index": 0, "text": text, "finish_reason": finish_reason}
    return Reply(body=json.dumps({"choices": [choice], "usage": {"completion_tokens": tokens}}).encode())


def chat_reply(message: dict[str, Any], finish_reason: str = "stop") -> Reply:
    return Reply(body=json.dumps({"choices": [{"message": message, "finish_reason": finish_reason}]}).encode())


def scripted(*replies: Reply | None) -> Answer:
    """One reply after the other."""
    waiting = iter(replies)

    async def answer(_: Received) -> Reply | None:
        return next(waiting)

    return answer


async def ask(
    answer: Answer, *requests: Request, patience: Patience = HURRIED, **options: Any
) -> tuple[list[Completion], Served]:
    async with serving(answer) as served:
        generator = OpenAICompatible(served.url, "small", patience=patience, **options)
        try:
            async with asyncio.timeout(20):
                return await answers(generator, requests), served
        finally:
            await generator.close()


async def fault(answer: Answer, wanted: Request | None = None, **options: Any) -> str:
    with pytest.raises(GeneratorError) as raised:
        await ask(answer, wanted or request(), **options)
    return str(raised.value)


async def test_a_text_is_completed_with_all_that_the_request_asks_for() -> None:
    wanted = request("x = ", seed=2**63 - 1, temperature=0.5, top_p=0.9, max_tokens=7, stop=("[DONE]", "\n\n"))
    (completion,), served = await ask(scripted(text_reply("1\n")), wanted, api_key=KEY)
    (received,) = served.received
    assert received.path == "/v1/completions"
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.body == {
        "model": "small",
        "prompt": "x = ",
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 2**63 - 1,
        "stop": ["[DONE]", "\n\n"],
    }
    assert (completion.text, completion.finish_reason, completion.tokens) == ("1\n", FinishReason.STOP, 3)
    assert completion.seconds is not None and completion.seconds > 0


async def test_a_chat_is_answered() -> None:
    reply = chat_reply({"role": "assistant", "content": "x = 1"})
    (completion,), served = await ask(scripted(reply), request(chat("Say x = 1.")))
    (received,) = served.received
    assert received.path == "/v1/chat/completions"
    assert received.body["messages"] == [{"role": "user", "content": "Say x = 1."}]
    assert "stop" not in received.body and "authorization" not in received.headers
    assert (completion.text, completion.tokens) == ("x = 1", None)


async def test_a_stop_string_that_the_server_left_in_is_cut_off() -> None:
    (completion,), _ = await ask(scripted(text_reply("x\n[DONE]\n\n")), request(stop=("\n\n", "[DONE]")))
    assert completion.text == "x\n"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (text_reply("x", "length"), FinishReason.LENGTH),
        (text_reply("x", "content_filter"), FinishReason.REFUSED),
    ],
)
async def test_the_reason_for_the_end_is_told(reply: Reply, reason: FinishReason) -> None:
    (completion,), _ = await ask(scripted(reply), request())
    assert completion.finish_reason is reason


async def test_a_model_that_refuses_is_told_from_one_that_says_nothing() -> None:
    refusal = chat_reply({"content": None, "refusal": "I can't."})
    (completion,), _ = await ask(scripted(refusal), request(chat("Do.")))
    assert (completion.text, completion.finish_reason) == ("", FinishReason.REFUSED)


@pytest.mark.parametrize("failure", [Reply(status=500), Reply(status=503), Reply(status=429), RESET])
async def test_what_may_pass_is_asked_again(failure: Reply | None) -> None:
    (completion,), served = await ask(scripted(failure, failure, text_reply("x")), request())
    assert completion.text == "x"
    assert len(served.received) == 3
    assert served.received[0].body == served.received[2].body


async def test_a_server_that_is_not_there_is_told_of_once_and_given_up() -> None:
    told: list[str] = []
    with unreachable() as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        generator = OpenAICompatible(url, "small", patience=SOON_TIRED, tell=told.append)
        with pytest.raises(GeneratorError, match=r"/v1/completions: .*connection.*\(sent 2 times\)"):
            await answers(generator, [request(index=index) for index in range(3)])
        await generator.close()
    assert told == [f"{url} can't be reached (All connection attempts failed); it is tried again for up to 0 s"]


async def test_a_server_that_comes_late_is_waited_for() -> None:
    told = asyncio.Event()
    bound = unreachable()
    url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    patience = Patience(most_attempts_unreached=8, first_wait_seconds=0.01)
    generator = OpenAICompatible(url, "small", patience=patience, tell=lambda text: told.set())
    asking = asyncio.create_task(answers(generator, [request()]))
    await told.wait()
    async with serving(scripted(text_reply("x")), bound):
        (completion,) = await asking
    await generator.close()
    assert completion.text == "x"


async def test_a_server_that_was_reached_is_tried_more_often() -> None:
    async with serving(scripted(text_reply("x"))) as served:
        generator = OpenAICompatible(served.url, "small", patience=SOON_TIRED)
        await answers(generator, [request()])
    with pytest.raises(GeneratorError, match=r"\(sent 4 times\)"):
        await answers(generator, [request()])
    await generator.close()


async def test_retry_after_counts_rather_than_the_own_wait() -> None:
    later = Reply(status=429, headers={"Retry-After": "0"})
    (completion,), _ = await ask(scripted(later, text_reply("x")), request(), patience=NEVER)
    assert completion.text == "x"


async def test_a_date_that_is_past_is_not_waited_for() -> None:
    later = Reply(status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    (completion,), _ = await ask(scripted(later, text_reply("x")), request(), patience=NEVER)
    assert completion.text == "x"


async def test_a_server_that_asks_for_too_long_a_wait_is_given_up() -> None:
    later = Reply(status=429, headers={"Retry-After": "3600"}, body=b'{"error": {"message": "quota is spent"}}')
    told = await fault(scripted(later))
    assert "answered 429: quota is spent (it asks to wait 3600 s; the longest to wait is 600 s)" in told


async def test_a_server_that_keeps_failing_is_given_up() -> None:
    told = await fault(scripted(*[Reply(status=502, body=b"<h1>Bad\ngateway</h1>")] * 4))
    assert told.endswith("/v1/completions answered 502: <h1>Bad gateway</h1> (sent 4 times)")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error": {"message": "no such model", "code": 7}}', "no such model"),
        (b'{"detail": "no such model"}', "no such model"),
        (b'{"error": "no such model"}', "no such model"),
        (b"[1]", "[1]"),
        (b"\xff" + b"x" * 2000, "�" + "x" * 298 + "…"),
    ],
)
async def test_what_is_refused_is_not_asked_again(body: bytes, told: str) -> None:
    assert (await fault(scripted(Reply(status=404, body=body)))).endswith(f"answered 404: {told}")


async def test_the_key_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = json.dumps({"error": {"message": f"the key {KEY} is wrong"}}).encode()
    told = await fault(scripted(Reply(status=401, body=body)), api_key=KEY)
    assert told.endswith("answered 401: the key *** is wrong")
    assert KEY not in caplog.text
    assert KEY not in repr(vars(OpenAICompatible("http://x/v1", "small", api_key=KEY))["_client"])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html>", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[]", "field 'body' must be an object, not []"),
        (b"{}", "field 'choices' is missing"),
        (b'{"choices": {}}', "field 'choices' must be a list, not {}"),
        (b'{"choices": []}', "field 'choices' must hold one choice, not 0"),
        (b'{"choices": [1]}', "field 'choices[0]' must be an object, not 1"),
        (b'{"choices": [{"text": "x"}]}', "field 'choices[0].finish_reason' is missing"),
        (
            b'{"choices": [{"text": "x", "finish_reason": "tired"}]}',
            "field 'choices[0].finish_reason' must be one of stop, length, content_filter, not 'tired'",
        ),
        (b'{"choices": [{"text": 5, "finish_reason": "stop"}]}', "field 'choices[0].text' must be a string, not 5"),
        (
            b'{"choices": [{"text": "", "finish_reason": "stop"}], "usage": {"completion_tokens": true}}',
            "field 'usage.completion_tokens' must be a whole number, not true",
        ),
    ],
)
async def test_an_answer_of_another_shape_names_the_field(body: bytes, told: str) -> None:
    assert f"answered what is no completion: {told}" in await fault(scripted(Reply(body=body)))


async def test_a_chat_without_content_names_the_field() -> None:
    told = await fault(scripted(chat_reply({"content": None})), request(chat("Do.")))
    assert "field 'choices[0].message.content' must be a string, not null" in told


async def test_no_more_is_under_way_than_allowed_and_no_more_is_taken() -> None:
    taken = 0

    def counted() -> Iterator[Request]:
        nonlocal taken
        for index in range(20):
            taken += 1
            yield request(index=index)

    async def answer(_: Received) -> Reply:
        assert taken <= len(seen) + 3
        return text_reply("x")

    seen: list[Completion] = []
    async with serving(answer) as served:
        generator = OpenAICompatible(served.url, "small", concurrency=3, patience=HURRIED)
        async for batch in generator.generate(counted()):
            seen += batch
            assert taken <= len(seen) + 3
        await generator.close()
    assert sorted(item.request.index for item in seen) == list(range(20))
    assert 1 < served.most_at_once <= 3


def holding_all_but(count: int) -> tuple[Callable[[Received], Awaitable[Reply | None]], asyncio.Event]:
    """A server that answers so many requests, and holds the others; the event is set when it holds one."""
    holds = asyncio.Event()
    answered = 0

    async def answer(_: Received) -> Reply:
        nonlocal answered
        answered += 1
        if answered > count:
            holds.set()
            await asyncio.Event().wait()
        return text_reply("x")

    return answer, holds


async def test_who_turns_away_leaves_no_request_behind() -> None:
    answer, holds = holding_all_but(1)
    async with serving(answer) as served:
        generator = OpenAICompatible(served.url, "small", concurrency=4)
        async with aclosing(generator.generate(request(index=index) for index in range(9))) as batches:
            async for batch in batches:
                assert len(batch) == 1
                await holds.wait()
                break
        async with asyncio.timeout(20):
            while served.at_once:
                await asyncio.sleep(0)
        await generator.close()
    assert served.hung_up == len(served.received) - 1


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    answer, _ = holding_all_but(0)
    patience = Patience(most_attempts=2, first_wait_seconds=0.001)
    told = await fault(answer, patience=patience, timeout_seconds=0.05)
    assert told.endswith("/v1/completions: no whole answer within 0.05 s (sent 2 times)")


async def test_what_came_before_a_fault_is_kept() -> None:
    async def answer(received: Received) -> Reply:
        return Reply(status=400) if received.body["seed"] == 5 else text_reply("x")

    kept: list[Completion] = []
    async with serving(answer) as served:
        generator = OpenAICompatible(served.url, "small", concurrency=1)
        with pytest.raises(GeneratorError, match="answered 400"):
            async for batch in generator.generate(request(seed=seed) for seed in range(9)):
                kept += batch
        await generator.close()
    assert [item.request.seed for item in kept] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"base_url": "api.openai.com/v1"}, "base_url must begin with http:// or https:// and a host"),
        ({"base_url": "ftp://x/v1"}, "base_url must begin with"),
        ({"base_url": "http://x:port/"}, "base_url can't be used: Invalid port"),
        ({"concurrency": 0}, "concurrency must be 1 or more, not 0"),
        ({"timeout_seconds": 0}, "timeout_seconds must be more than 0, not 0"),
    ],
)
def test_options_out_of_bounds_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(GeneratorError, match=told):
        OpenAICompatible(**{"base_url": "http://x/v1", "model": "small", **options})


async def test_a_password_in_the_address_is_sent_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(scripted(Reply(status=400))) as served:
        generator = OpenAICompatible(served.url.replace("//", f"//user:{KEY}@"), "small")
        with pytest.raises(GeneratorError) as raised:
            await answers(generator, [request()])
        await generator.close()
    assert KEY not in str(raised.value)
    assert KEY not in caplog.text
    assert served.received[0].headers["authorization"].startswith("Basic ")
    assert str(raised.value).startswith(f"Mbpp/11, sample 0: {served.url}/completions answered 400")


async def test_an_answer_without_end_is_given_up() -> None:
    assert "answered more than 16 MiB" in await fault(scripted(Reply(body=b" " * (17 << 20))))


async def test_a_redirect_is_not_followed() -> None:
    async with serving(scripted(text_reply("x"))) as elsewhere:
        leading_away = Reply(status=307, headers={"Location": f"{elsewhere.url}/completions"})
        assert "answered 307" in await fault(scripted(leading_away), api_key=KEY)
    assert not elsewhere.received


async def test_a_packed_answer_is_neither_asked_for_nor_unpacked() -> None:
    async def answer(received: Received) -> Reply:
        assert received.headers["accept-encoding"] == "identity"
        bomb = gzip.compress(gzip.compress(b" " * (1 << 24)))
        return Reply(body=bomb, headers={"Content-Encoding": "gzip, gzip"})

    assert (await fault(answer)).endswith("answered in the encoding gzip, gzip, though asked for identity")


@pytest.mark.parametrize("status", [200, 401])
async def test_no_part_of_the_key_is_left_where_an_answer_is_cut_or_has_another_shape(status: int) -> None:
    body = json.dumps({"error": "x" * 295 + KEY, "choices": KEY}).encode()
    told = await fault(scripted(Reply(status=status, body=body)), api_key=KEY)
    assert KEY[:4] not in told


async def test_an_answer_s_fault_is_short_whatever_it_holds() -> None:
    body = json.dumps({"choices": [{"text": "", "finish_reason": "tired" * 10_000}]}).encode()
    assert len(await fault(scripted(Reply(body=body)))) < 500
