"""Packet sockets between the server, its launchers and the jails."""

import asyncio
import os
import socket
import struct
from collections import deque
from typing import NamedTuple

_PACKET_BYTES = 1 << 16
_CREDENTIALS = struct.Struct("iII")  # pid, uid, gid
_DESCRIPTOR = struct.Struct("i")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(_DESCRIPTOR.size)


class Packet(NamedTuple):
    """What came, the sender's pid as this process's PID namespace knows it, and at most one descriptor."""

    data: bytes
    sender: int = 0
    descriptor: int | None = None

    def discard(self) -> None:
        """Close what came with it."""
        if self.descriptor is not None:
            os.close(self.descriptor)


class PacketSocket:
    """One end of a SOCK_SEQPACKET pair, read as the packets come."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._packets: deque[Packet] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._loop.add_reader(sock.fileno(), self._read)

    @classmethod
    def pair(cls) -> tuple["PacketSocket", socket.socket]:
        """Make a pair: this end, and the one to hand to a child."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        return cls(ours), theirs

    async def receive(self, seconds: float) -> Packet:
        """Return the next packet; its data is empty when the other end is gone.

        Raises TimeoutError after `seconds`.
        """
        if not self._packets:
            waiter = self._waiter = self._loop.create_future()
            timer = self._loop.call_later(seconds, self._expire, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None
        return self._packets.popleft()

    def send(self, data: bytes, descriptors: tuple[int, ...] = ()) -> bool:
        """Send a packet; False when either end is closed."""
        if self._socket.fileno() < 0:
            return False
        try:
            if descriptors:
                socket.send_fds(self._socket, [data], list(descriptors))
            else:
                self._socket.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def close(self) -> None:
        """Close this end; the other end reads an empty packet, and so does whoever waits at this."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        for packet in self._packets:
            packet.discard()
        self._packets.clear()
        self._take(Packet(b""))

    def _read(self) -> None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_PACKET_BYTES, _ANCILLARY_BYTES, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except ConnectionResetError:
            # The other end went without having read all; it is told once, before what that end had sent.
            self._read()
            return
        sender, descriptor = 0, None
        for _, kind, content in ancillary:
            if kind == socket.SCM_CREDENTIALS:
                sender = _CREDENTIALS.unpack(content)[0]
            elif kind == socket.SCM_RIGHTS:
                (descriptor,) = _DESCRIPTOR.unpack(content)
        if not data:
            self._loop.remove_reader(self._socket.fileno())
        self._take(Packet(data, sender, descriptor))

    def _take(self, packet: Packet) -> None:
        self._packets.append(packet)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _expire(self, waiter: "asyncio.Future[None]") -> None:
        # A busy event loop may learn of the time before it learns of the packet.
        self._read()
        if not waiter.done():
            waiter.set_exception(TimeoutError())
