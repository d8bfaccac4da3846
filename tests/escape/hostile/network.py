"""Programs that are after anything outside, over a network or a socket."""

import fcntl
import os
import socket
import struct
import threading
from pathlib import Path

from escape.hostile.tools import hostile, victim

_SIOCSIFADDR, _SIOCSIFFLAGS, _SIOCSIFMTU = 0x8916, 0x8914, 0x8922
_SO_MARK, _SO_RCVBUFFORCE = 36, 33
_SECONDS = 3


@hostile()
def connects_to_a_port_of_the_host() -> None:
    socket.create_connection(("127.0.0.1", victim().tcp_port), timeout=_SECONDS).close()


@hostile()
def connects_to_a_port_of_the_host_by_another_address() -> None:
    socket.create_connection(("127.200.200.200", _own_port()), timeout=_SECONDS).close()


@hostile()
def connects_by_an_address_mapped_into_ipv6() -> None:
    socket.create_connection(("::ffff:127.0.0.1", victim().tcp_port), timeout=_SECONDS).close()


@hostile()
def sends_to_a_port_of_the_host() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"harm", ("127.0.0.1", victim().udp_port))


@hostile()
def sends_while_it_opens_a_connection() -> None:
    with socket.socket() as sender:
        sender.sendto(b"harm", 0x20000000, ("127.0.0.1", victim().tcp_port))


@hostile()
def connects_to_a_socket_of_the_host() -> None:
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(victim().socket)


@hostile()
def connects_to_a_socket_by_a_short_way() -> None:
    folder = os.open(os.path.dirname(victim().socket), os.O_PATH)
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(f"/proc/self/fd/{folder}/socket")


@hostile()
def serves_at_a_port_that_can_be_reached() -> None:
    socket.create_connection(("127.0.0.1", _own_port()), timeout=_SECONDS).close()


@hostile()
def serves_at_a_port_of_the_systems() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 80))


@hostile()
def sends_to_everybody() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.sendto(b"harm", ("127.255.255.255", victim().udp_port))


@hostile()
def gives_an_interface_an_address() -> None:
    address = struct.pack("16sHH4s8x", b"lo", socket.AF_INET, 0, socket.inet_aton("10.1.2.3"))
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFADDR, address)


@hostile()
def turns_an_interface_on() -> None:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", 1))


@hostile()
def changes_an_interface() -> None:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFMTU, struct.pack("16si12x", b"lo", 1280))


@hostile()
def sees_an_interface_that_works() -> None:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8915, struct.pack("16s16x", b"lo"))


@hostile()
def marks_its_packets_for_other_rules() -> None:
    with socket.socket() as any_socket:
        any_socket.setsockopt(socket.SOL_SOCKET, _SO_MARK, 1)


@hostile()
def takes_more_memory_for_a_socket_than_is_allowed() -> None:
    with socket.socket() as any_socket:
        any_socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 28)


@hostile()
def listens_to_every_packet() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)).close()


@hostile()
def asks_for_routes() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()


@hostile()
def enters_the_network_of_another_process() -> None:
    os.close(os.open(f"/proc/{victim().pid}/ns/net", os.O_RDONLY))


@hostile()
def is_spoken_to_by_its_name() -> None:
    socket.create_connection(("localhost", _own_port()), timeout=_SECONDS).close()


@hostile()
def changes_the_settings_of_the_network() -> None:
    Path("/proc/sys/net/ipv4/ip_default_ttl").write_text("63")


def _own_port() -> int:
    server = socket.create_server(("", 0))
    threading.Thread(target=server.accept, daemon=True).start()
    return int(server.getsockname()[1])
