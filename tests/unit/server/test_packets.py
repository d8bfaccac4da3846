"""Packets come whole and in turn, until either end is closed."""

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest
from clockwork import hurried

from trialbox.server.packets import Packet, PacketSocket

_LONG_SECONDS = 3600.0


class Ends:
    """A packet socket, and the end that another process would have."""

    def __init__(self) -> None:
        self.packets, self.other = PacketSocket.pair()

    def __enter__(self) -> "Ends":
        return self

    def __exit__(self, *_: object) -> None:
        self.packets.close()
        self.other.close()

    async def waiting(self) -> "asyncio.Task[Packet]":
        """Someone who waits for a packet."""
        task = asyncio.ensure_future(self.packets.receive(_LONG_SECONDS))
        await asyncio.sleep(0)
        return task


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    os.close(ends[0])


async def test_packets_come_as_they_were_sent_with_the_senders_pid() -> None:
    with Ends() as ends:
        for data in (b"one", b"x" * 60_000, b"three"):
            ends.other.send(data)
        received = [await ends.packets.receive(_LONG_SECONDS) for _ in range(3)]
        assert [packet.data for packet in received] == [b"one", b"x" * 60_000, b"three"]
        assert {packet.sender for packet in received} == {os.getpid()}
        assert ends.packets.send(b"back")
        assert ends.other.recv(100) == b"back"


async def test_a_descriptor_comes_with_its_packet_and_is_closed_where_it_is_not_wanted(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    with Ends() as ends:
        socket.send_fds(ends.other, [b"here"], [write_end])
        socket.send_fds(ends.other, [b"never read"], [write_end])
        os.close(write_end)
        packet = await ends.packets.receive(_LONG_SECONDS)
        assert packet.descriptor is not None
        os.write(packet.descriptor, b"x")
        packet.discard()
    assert os.read(read_end, 10) == b"x"
    assert os.read(read_end, 10) == b""  # nobody has the other end any more


async def test_descriptors_are_sent(pipe: tuple[int, int]) -> None:
    with Ends() as ends:
        assert ends.packets.send(b"two", pipe)
        os.close(pipe[1])
        data, descriptors, _, _ = socket.recv_fds(ends.other, 10, 5)
        assert (data, len(descriptors)) == (b"two", 2)
        for descriptor in descriptors:
            os.close(descriptor)


async def test_when_the_other_end_is_closed_an_empty_packet_comes_after_all_that_was_sent() -> None:
    with Ends() as ends:
        waiting = await ends.waiting()
        ends.other.send(b"last")
        ends.other.close()
        assert (await waiting).data == b"last"
        assert await ends.packets.receive(_LONG_SECONDS) == Packet(b"")
        assert not ends.packets.send(b"too late")


async def test_what_was_sent_is_read_also_from_an_end_that_was_closed_before_it_had_read_all() -> None:
    with Ends() as ends:
        assert ends.packets.send(b"never read")
        ends.other.send(b"last")
        ends.other.close()
        assert (await ends.packets.receive(_LONG_SECONDS)).data == b"last"
        assert await ends.packets.receive(_LONG_SECONDS) == Packet(b"")


async def test_whoever_waits_at_an_end_that_is_closed_reads_an_empty_packet() -> None:
    with Ends() as ends:
        waiting = await ends.waiting()
        ends.packets.close()
        assert await waiting == Packet(b"")
        assert not ends.packets.send(b"too late")
        ends.packets.close()


@hurried
async def test_nobody_waits_longer_than_they_want() -> None:
    with Ends() as ends:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await ends.packets.receive(7.0)
        assert asyncio.get_running_loop().time() == pytest.approx(began + 7)
        ends.other.send(b"later")
        assert (await ends.packets.receive(7.0)).data == b"later"


@hurried
async def test_what_a_busy_server_has_not_read_yet_is_read_before_time_is_up() -> None:
    with Ends() as ends:
        asyncio.get_running_loop().call_later(7.0, ends.other.send, b"just in time")
        assert (await ends.packets.receive(7.0)).data == b"just in time"
