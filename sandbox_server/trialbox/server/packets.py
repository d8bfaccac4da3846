"""Packet sockets between the server, its launchers and the jails' inits."""

import asyncio
import socket
import struct

_PACKET_BYTES = 1 << 20
_CREDENTIALS = struct.Struct("iII")  # pid, uid, gid


class PacketSocket:
    """One end of a SOCK_SEQPACKET pair, read as the packets come.

    The kernel stamps each packet with its sender's pid, as this process's PID
    namespace knows it.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._packets: asyncio.Queue[tuple[bytes, int]] = asyncio.Queue()
        self._loop.add_reader(sock.fileno(), self._read)

    @classmethod
    def pair(cls) -> tuple["PacketSocket", socket.socket]:
        """Make a pair: this end, and the one to hand to a child."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        return cls(ours), theirs

    def _read(self) -> None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_PACKET_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size))
        except BlockingIOError:
            return
        except ConnectionResetError:
            data, ancillary = b"", []
        sender = 0
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                sender = _CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0]
        if not data:
            self._loop.remove_reader(self._socket.fileno())
        self._packets.put_nowait((data, sender))

    async def receive(self, seconds: float | None = None) -> tuple[bytes, int]:
        """Return the next packet and its sender's pid; empty when the other end is gone.

        Raises TimeoutError after `seconds`.
        """
        if not self._packets.empty():
            return self._packets.get_nowait()
        try:
            async with asyncio.timeout(seconds):
                return await self._packets.get()
        except TimeoutError:
            # A busy event loop may learn of the time before it learns of the packet.
            self._read()
            if self._packets.empty():
                raise
            return self._packets.get_nowait()

    def send(self, data: bytes, descriptors: tuple[int, ...] = ()) -> bool:
        """Send a packet; False when either end is closed."""
        if self._socket.fileno() < 0:
            return False
        try:
            socket.send_fds(self._socket, [data], list(descriptors))
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def close(self) -> None:
        """Close this end; the other end reads an empty packet."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
