"""A server that speaks OpenAI's protocol, over HTTP: /completions for texts, /chat/completions for chats."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any

from trialbox.synthesis.extras import extra_synthesis
from trialbox.synthesis.generators.answers import AnswerError, complaint, read_answer, shown
from trialbox.synthesis.generators.generator import DEFAULT_CONCURRENCY, Completion, GeneratorError, Request
from trialbox.synthesis.generators.retries import Patience

with extra_synthesis("a model's server"):
    import httpx

DEFAULT_TIMEOUT_SECONDS = 600.0
_CONNECT_SECONDS = 10.0
_MOST_ANSWER_BYTES = 16 << 20
"""No completion comes near it."""


class OpenAICompatible:
    """Samples from a model behind a server; a Generator.

    A request that is refused for now (429, 5xx) or breaks on the way is sent again, as `patience` says.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        patience: Patience | None = None,
        tell: Callable[[str], object] = lambda text: None,
    ) -> None:
        """Make a client; nothing is sent yet.

        `base_url` is what comes before /completions: `https://api.openai.com/v1`. So many requests as `concurrency`
        says are under way at once, and each answer may take `timeout_seconds`. `tell` is told once that the
        server can't be reached, and is tried again. Raises GeneratorError.
        """
        if concurrency < 1:
            raise GeneratorError(f"concurrency must be 1 or more, not {concurrency}")
        if not timeout_seconds > 0:
            raise GeneratorError(f"timeout_seconds must be more than 0, not {timeout_seconds}")
        self._model = model
        self._api_key = api_key
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        self._patience = patience or Patience()
        self._tell = tell
        self._is_reached = False
        self._is_told = False
        url = _checked_url(base_url)
        # httpx logs the address; the password in it goes where it is not logged.
        shown_url = url.copy_with(userinfo=b"")
        self._shown_url = str(shown_url).rstrip("/")
        self._client = httpx.AsyncClient(
            base_url=shown_url,
            auth=(url.username, url.password) if url.userinfo else None,
            # What is packed may unpack to any size before there is a piece to measure.
            headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {}),
            # A redirect may lead to another host, which has no business with the prompts, still less with the key.
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        )

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Sequence[Completion], None]:
        """Answer as the server does. Raises GeneratorError."""
        waiting = iter(requests)
        under_way: set[asyncio.Task[Completion]] = set()
        try:
            while True:
                while len(under_way) < self._concurrency and (request := next(waiting, None)) is not None:
                    under_way.add(asyncio.create_task(self._complete(request)))
                if not under_way:
                    return
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                if completions := [task.result() for task in done if task.exception() is None]:
                    yield completions
                for task in done:
                    task.result()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _complete(self, request: Request) -> Completion:
        path, body = _question(request, self._model)
        who = f"{request.prompt.task_id}, sample {request.index}: {self._shown_url}/{path}"
        for attempt in self._patience.attempts():
            began = time.monotonic()
            try:
                # Not httpx's own limit: that is for each piece, and a server can send pieces for ever.
                async with (
                    asyncio.timeout(self._timeout_seconds),
                    self._client.stream("POST", path, json=body) as response,
                ):
                    self._is_reached = True
                    content = await _content(response, who)
            except TimeoutError:
                await attempt.wait(f"{who}: no whole answer within {self._timeout_seconds:g} s")
                continue
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                reason = self._shown(str(error)) or f"no connection within {_CONNECT_SECONDS:g} s"
                self._tell_once(reason, attempt.longest_seconds(time.monotonic() - began, is_reached=self._is_reached))
                await attempt.wait(f"{who}: {reason}", is_reached=self._is_reached)
                continue
            except httpx.RequestError as error:
                await attempt.wait(f"{who}: {self._shown(str(error) or type(error).__name__)}")
                continue
            if response.status_code == httpx.codes.OK:
                try:
                    return read_answer(request, content, time.monotonic() - began)
                except AnswerError as error:
                    raise GeneratorError(f"{who} answered what is no completion: {self._shown(str(error))}") from None
            told = complaint(content.decode(errors="replace"))
            fault = f"{who} answered {response.status_code}: {self._shown(told)}"
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS and not response.is_server_error:
                raise GeneratorError(fault)
            await attempt.wait(fault, response.headers.get("Retry-After"))
        raise AssertionError("the last attempt waits for no other: it raises")

    def _shown(self, text: str) -> str:
        # Some servers repeat the header that they refuse; shortened first, a part of the key might be left.
        return shown(text.replace(self._api_key, "***") if self._api_key else text)

    def _tell_once(self, reason: str, seconds: float) -> None:
        if not self._is_told:
            self._is_told = True
            self._tell(f"{self._shown_url} can't be reached ({reason}); it is tried again for up to {seconds:.0f} s")


async def _content(response: Any, who: str) -> bytes:
    if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise GeneratorError(f"{who} answered in the encoding {shown(encoding)}, though asked for identity")
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > _MOST_ANSWER_BYTES:
            raise GeneratorError(f"{who} answered more than {_MOST_ANSWER_BYTES >> 20} MiB")
    return bytes(content)


def _checked_url(base_url: str) -> Any:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise GeneratorError(f"base_url can't be used: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise GeneratorError(f"base_url must begin with http:// or https:// and a host, not be {base_url!r}")
    return url


def _question(request: Request, model: str) -> tuple[str, dict[str, Any]]:
    prompt = request.prompt
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
    }
    if prompt.stop:
        body["stop"] = list(prompt.stop)
    if isinstance(prompt.content, str):
        return "completions", body | {"prompt": prompt.content}
    messages = [{"role": message.role, "content": message.content} for message in prompt.content]
    return "chat/completions", body | {"messages": messages}
