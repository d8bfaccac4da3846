"""A real HTTP server whose answers a test writes, to try clients against servers that fail."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request."""

    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What it is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


RESET = None
"""In a reply's place: the connection is cut without an answer."""

Answer = Callable[[Received], Awaitable[Reply | None]]


@dataclass(kw_only=True)
class Served:
    """The server and what it has seen."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    hung_up: int = 0
    """How many requests' clients went away before the answer."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


def unreachable() -> socket.socket:
    """A socket with a port of this machine that refuses connections until it is served on."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


@asynccontextmanager
async def serving(answer: Answer, bound: socket.socket | None = None) -> AsyncIterator[Served]:
    """Serve on a port of this machine, on the socket `bound` to one if that is given, until the end of the block."""
    served = Served()

    talks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(talk(reader, writer)))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (received := await _receive(reader)) is not None:
                served.received.append(received)
                served.at_once += 1
                served.most_at_once = max(served.most_at_once, served.at_once)
                try:
                    reply = await _unless_gone(answer(received), reader)
                finally:
                    served.at_once -= 1
                if reply is RESET:
                    writer.transport.abort()
                    return
                writer.write(_written(reply))
                await writer.drain()
        except _GoneError:
            served.hung_up += 1
        finally:
            writer.close()

    server = await asyncio.start_server(begin, sock=bound or unreachable())
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for talking in talks:
            talking.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


class _GoneError(Exception):
    pass


async def _unless_gone(answer: Awaitable[Reply | None], reader: asyncio.StreamReader) -> Reply | None:
    answering = asyncio.ensure_future(answer)
    # Nothing comes while a client waits for its answer, so whatever is read is the end.
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise _GoneError
        return answering.result()
    finally:
        answering.cancel()
        gone.cancel()
        await asyncio.gather(answering, gone, return_exceptions=True)


async def _receive(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(path=first.split()[1], headers=headers, body=json.loads(body or b"null"))


def _written(reply: Reply) -> bytes:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + reply.body
