"""A server that gRPC no longer answers for ends, instead of being there for nobody."""

import asyncio

import grpc
import pytest

from trialbox.server import app
from trialbox.server.sandbox import CannotServeError


async def test_a_server_that_answers_is_let_be_and_one_that_does_not_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "_LOOK_SECONDS", 0.01)
    server = grpc.aio.server()
    server.add_insecure_port("127.0.0.1:0")
    await server.start()
    gone = asyncio.create_task(app.until_gone(server))
    done, _ = await asyncio.wait((gone,), timeout=0.1)
    assert not done
    await server.stop(None)
    with pytest.raises(CannotServeError, match="gRPC answers no more"):
        await gone
