"""Servers come and go under load: the SDK loses no request, and every answer is the right one."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import hosts
import pytest

from trialbox.client import AsyncSandbox, Sandbox
from trialbox.v1 import MAX_MESSAGE_BYTES

CALLERS = 4
RESTARTS = 2
MIB = 1 << 20


@contextlib.contextmanager
def server_at(address: str, **settings: str) -> Iterator[hosts.Server]:
    chosen = {"SLOTS": "2", "LOG_LEVEL": "error", **settings}
    with hosts.standing_alone(chosen, address=address) as server:
        server.health()
        yield server


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["told to stop", "killed"])
def test_servers_restarted_one_after_the_other_under_load_lose_no_request(number: signal.Signals) -> None:
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    over = asyncio.Event()
    answers = [0]

    async def call(box: AsyncSandbox, caller: int) -> None:
        while not over.is_set():
            answers[0] += 1
            number = answers[0]
            assert (await box.run(f"print({caller}, {number})")).stdout == f"{caller} {number}\n".encode()

    async def stream(box: AsyncSandbox) -> None:
        expected = [f"{number}\n".encode() for number in range(20)]
        while not over.is_set():
            sources = [f"print({number})" for number in range(20)]
            assert [done.stdout async for done in box.run_many(sources, ordered=True)] == expected
            answers[0] += len(expected)

    async def restart_in_turn() -> None:
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(server_at(address)) for address in addresses]
            async with AsyncSandbox(f"ipv4:{','.join(addresses)}") as box, asyncio.TaskGroup() as group:
                for caller in range(CALLERS):
                    group.create_task(call(box, caller))
                group.create_task(stream(box))
                for turn in range(RESTARTS):
                    before = answers[0]
                    while answers[0] < before + 50:
                        await asyncio.sleep(0.01)
                    servers[turn % 2].process.send_signal(number)
                    await asyncio.to_thread(servers[turn % 2].process.wait, 30)
                    servers[turn % 2] = await asyncio.to_thread(stack.enter_context, server_at(addresses[turn % 2]))
                over.set()

    asyncio.run(asyncio.wait_for(restart_in_turn(), 120))


def test_a_connection_that_has_its_age_gives_way_to_another_and_nobody_notices(tmp_path: Path) -> None:
    expected = [f"{number}\n".encode() for number in range(100)]
    sources = [f"print({number})" for number in range(100)]
    seen: list[grpc.ChannelConnectivity] = []
    with (
        server_at(f"unix:{tmp_path}/socket", MAXIMUM_CONNECTION_SECONDS="1") as server,
        Sandbox(server.address) as box,
        grpc.insecure_channel(server.address) as channel,
    ):
        channel.subscribe(seen.append, try_to_connect=True)
        while grpc.ChannelConnectivity.IDLE not in seen[1:]:
            assert [done.stdout for done in box.run_many(sources, ordered=True)] == expected


def test_messages_far_above_grpcs_own_limit_pass_both_ways(tmp_path: Path) -> None:
    large = os.urandom(12 * MIB)
    assert 3 * len(large) < MAX_MESSAGE_BYTES
    with server_at(f"unix:{tmp_path}/socket") as server, Sandbox(server.address) as box:
        done = box.run("open('out', 'wb').write(open('in', 'rb').read())", files={"in": large}, collect=["out"])
        assert done.files["out"] == large
