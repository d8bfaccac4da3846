"""Messages between judge and candidate come whole and in turn, or the channel is lost."""

import importlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

channel = importlib.import_module("trialbox.server.guest.channel")

_LARGE = 3 << 20

_fields = st.binary(max_size=40) | st.sampled_from([b"x" * 70_000, b"y" * 65_536])
_messages = st.lists(st.tuples(st.integers(0, 255), _fields, _fields, _fields), max_size=5)


class Ends:
    """The two ends of a channel, one of them as a socket."""

    def __init__(self) -> None:
        own, self.other = socket.socketpair()
        self.channel = channel.Channel(own)

    def close(self) -> None:
        self.channel.close()
        self.other.close()

    def feeder(self, data: bytes, *edges: int) -> Callable[[], None]:
        """What sends the next piece of `data`, and closes the socket after the last."""
        pieces: Iterator[bytes] = iter([data[a:b] for a, b in zip([0, *edges], [*edges, len(data)], strict=True)])

        def feed() -> None:
            piece = next(pieces, b"")
            if piece:
                self.other.sendall(piece)
            else:
                self.other.close()

        return feed


@pytest.fixture
def ends() -> Iterator[Ends]:
    with closing(Ends()) as both:
        yield both


@given(_messages)
def test_messages_come_as_they_were_sent(messages: list[tuple[int, bytes, bytes, bytes]]) -> None:
    with closing(Ends()) as ends:
        sender = channel.Channel(ends.other)
        written = [channel.message(*message) for message in messages]
        thread = threading.Thread(target=sender.send, args=(written,), daemon=True)
        thread.start()
        received = [ends.channel.receive() for _ in messages]
        thread.join()
        assert received == messages


def test_a_message_that_comes_in_any_two_pieces_is_the_same() -> None:
    data = channel.message(1, b"first", b"second", b"third") + channel.message(2, b"", b"", b"next")
    for edge in range(1, len(data)):
        with closing(Ends()) as ends:
            feed = ends.feeder(data, edge)
            assert ends.channel.receive(feed) == (1, b"first", b"second", b"third")
            assert ends.channel.receive(feed) == (2, b"", b"", b"next")


def test_a_message_that_comes_byte_by_byte_is_the_same(ends: Ends) -> None:
    data = channel.message(1, b"first", b"second", b"third")
    assert ends.channel.receive(ends.feeder(data, *range(1, len(data)))) == (1, b"first", b"second", b"third")


def test_an_end_in_the_middle_of_a_message_loses_the_channel() -> None:
    data = channel.message(1, b"first", b"second", b"third")
    for edge in range(len(data)):
        with closing(Ends()) as ends, pytest.raises(channel.ChannelLost, match="gone"):
            ends.channel.receive(ends.feeder(data[:edge]))


def test_what_came_before_the_end_is_read(ends: Ends) -> None:
    ends.other.sendall(channel.message(1, b"last"))
    ends.other.close()
    assert ends.channel.receive() == (1, b"last", b"", b"")
    with pytest.raises(channel.ChannelLost):
        ends.channel.receive()


def test_waiting_is_told_of_and_an_answer_that_is_there_is_not_waited_for(ends: Ends) -> None:
    waits: list[int] = []
    ends.other.sendall(channel.message(1, b"a") + channel.message(2, b"b"))
    for kind in (1, 2):
        assert ends.channel.receive(lambda: waits.append(1))[0] == kind
    assert waits == []

    def wait() -> None:
        waits.append(1)
        ends.other.sendall(channel.message(3, b"c"))

    assert ends.channel.receive(wait)[0] == 3
    assert waits == [1]


@pytest.mark.parametrize("size", [0, 1, 8, channel.ANSWER_BYTES + 1, 2**32 - 1])
def test_a_size_out_of_bounds_loses_the_channel_before_any_more_is_read(ends: Ends, size: int) -> None:
    ends.other.sendall(struct.pack("<I", size))
    with pytest.raises(channel.ChannelLost, match=f"a message of {size} bytes"):
        ends.channel.receive()


def test_how_long_a_message_may_be_is_up_to_who_reads_it() -> None:
    own, other = socket.socketpair()
    with own, other:
        reader = channel.Channel(own, 20)
        other.sendall(channel.message(1, b"12345678901") + channel.message(1, b"123456789012"))
        assert reader.receive()[1] == b"12345678901"
        with pytest.raises(channel.ChannelLost, match="a message of 21 bytes"):
            reader.receive()


@pytest.mark.parametrize(("first", "second"), [(4, 0), (0, 4), (2, 2), (2**32 - 1, 0), (2**32 - 1, 2**32 - 1)])
def test_parts_that_are_longer_than_their_message_lose_the_channel(ends: Ends, first: int, second: int) -> None:
    body = struct.pack("<BII", 1, first, second) + b"xyz"
    ends.other.sendall(struct.pack("<I", len(body)) + body)
    with pytest.raises(channel.ChannelLost, match="parts are longer"):
        ends.channel.receive()


@given(st.binary(max_size=60))
def test_any_bytes_are_messages_or_lose_the_channel(data: bytes) -> None:
    with closing(Ends()) as ends:
        ends.other.sendall(data)
        ends.other.close()
        with pytest.raises(channel.ChannelLost):
            while True:
                kind, *parts = ends.channel.receive()
                assert type(kind) is int
                assert {type(part) for part in parts} == {bytes}


def test_large_messages_cross_both_ways_at_once(ends: Ends) -> None:
    other, content = channel.Channel(ends.other), bytes(_LARGE)
    answers = []

    def answer() -> None:
        for _ in range(3):
            answers.append(other.receive())
            other.send([channel.message(1, content)])

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    for _ in range(3):
        ends.channel.send([channel.message(0, b"f", content)])
        assert ends.channel.receive() == (1, content, b"", b"")
    thread.join()
    assert answers == [(0, b"f", content, b"")] * 3


def test_whoever_is_about_to_wait_until_the_other_end_reads_is_told(ends: Ends) -> None:
    told: list[int] = []
    written = channel.message(0, b"f", bytes(_LARGE))
    received = bytearray()
    reader = threading.Thread(target=lambda: received.extend(_exactly(ends.other, len(written))), daemon=True)

    def about_to_wait() -> None:
        told.append(1)
        reader.start()  # nobody has read before

    ends.channel.send([channel.message(0, b"small")], about_to_wait)
    assert told == []
    assert _exactly(ends.other, len(channel.message(0, b"small")))
    ends.channel.send([written], about_to_wait)
    reader.join()
    assert (told, bytes(received)) == ([1], written)


def test_a_buffer_that_is_full_is_waited_for_too(ends: Ends) -> None:
    read: list[bytes] = []
    sent = 0
    while not read:
        ends.channel.send([channel.message(0, b"f", bytes(1000))], lambda: read.append(ends.other.recv(_LARGE)))
        sent += 1
    assert sent > 1


def _exactly(end: socket.socket, count: int) -> bytes:
    return end.recv(count, socket.MSG_WAITALL)


@pytest.mark.parametrize("size", [0, _LARGE])
def test_whoever_sends_to_one_that_is_gone_has_lost_the_channel(ends: Ends, size: int) -> None:
    ends.other.close()
    with pytest.raises(channel.ChannelLost, match="gone"):
        ends.channel.send([channel.message(0, b"f", bytes(size))])


def test_one_that_goes_while_it_is_sent_to_has_lost_the_channel(ends: Ends) -> None:
    with pytest.raises(channel.ChannelLost, match="gone"):
        ends.channel.send([channel.message(0, b"f", bytes(_LARGE))], ends.other.close)


def test_one_that_goes_without_reading_all_has_lost_the_channel(ends: Ends) -> None:
    ends.channel.send([channel.message(0, b"f")])
    ends.other.close()  # the kernel tells of what was not read
    with pytest.raises(channel.ChannelLost, match="gone"):
        ends.channel.receive()


def test_test_code_takes_a_lost_channel_for_no_error_of_the_programs() -> None:
    assert not issubclass(channel.ChannelLost, Exception)
