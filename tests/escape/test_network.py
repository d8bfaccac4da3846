"""Nothing outside the jail can be reached over any network, nor reaches in."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from executions import Run, printed

from trialbox.client import Limits, Outcome

UNREACHABLE = {"ENETUNREACH", "EADDRNOTAVAIL", "EHOSTUNREACH"}

CONNECT = """
import errno, socket
with socket.socket(socket.{family}, socket.{kind}) as s:
    s.settimeout(5)
    try:
        s.connect({address!r})
        s.send(b"hello")
        print("reached")
    except OSError as error: print(errno.errorcode.get(error.errno, repr(error)))
"""


def assert_untouched(listener: socket.socket) -> None:
    """Assert that nobody connected or sent anything."""
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        if listener.type is socket.SOCK_STREAM:
            listener.accept()
        else:
            listener.recv(1)


ADDRESSES = [
    ("AF_INET", ("127.0.0.1", 80)),
    ("AF_INET", ("127.0.0.53", 53)),
    ("AF_INET", ("8.8.8.8", 53)),
    ("AF_INET", ("169.254.169.254", 80)),
    ("AF_INET", ("10.0.0.1", 443)),
    ("AF_INET", ("255.255.255.255", 9)),
    ("AF_INET", ("0.0.0.0", 22)),
    ("AF_INET6", ("::1", 80)),
    ("AF_INET6", ("fd00:ec2::254", 80)),
    ("AF_INET6", ("2001:4860:4860::8888", 53)),
    ("AF_INET6", ("::ffff:127.0.0.1", 80)),
]


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
@pytest.mark.parametrize(("family", "address"), ADDRESSES)
def test_no_address_can_be_reached(run: Run, family: str, kind: str, address: tuple[str, int]) -> None:
    answer = printed(run(CONNECT.format(family=family, kind=kind, address=address), limits=Limits(wall_seconds=10)))
    # datagrams to the broadcast address are refused for want of a privilege, before the route is looked at
    assert answer in UNREACHABLE | ({"EACCES"} if address[0] == "255.255.255.255" else set())


@pytest.fixture(params=["SOCK_STREAM", "SOCK_DGRAM"])
def internet_listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A listener on the host's loopback interface, as the service's own port may be."""
    with socket.socket(socket.AF_INET, getattr(socket, request.param)) as listener:
        listener.bind(("127.0.0.1", 0))
        if listener.type is socket.SOCK_STREAM:
            listener.listen()
        yield listener


def test_a_port_of_the_host_can_not_be_reached(run: Run, internet_listener: socket.socket) -> None:
    source = CONNECT.format(family="AF_INET", kind=internet_listener.type.name, address=internet_listener.getsockname())
    assert printed(run(source)) in UNREACHABLE
    assert_untouched(internet_listener)


def test_a_unix_socket_of_the_host_can_not_be_reached(run: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert printed(run(CONNECT.format(family="AF_UNIX", kind="SOCK_STREAM", address=path))) == "ENOENT"
        assert_untouched(listener)


@pytest.mark.parametrize(
    "path", ["/var/run/docker.sock", "/run/systemd/private", "/dev/log", "/run/dbus/system_bus_socket"]
)
def test_the_hosts_well_known_sockets_are_absent(run: Run, path: str) -> None:
    assert printed(run(CONNECT.format(family="AF_UNIX", kind="SOCK_STREAM", address=path))) == "ENOENT"


def test_an_abstract_socket_of_the_host_can_not_be_reached(run: Run) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(b"\0trialbox-test-abstract")
        listener.listen()
        address = b"\0trialbox-test-abstract"
        assert printed(run(CONNECT.format(family="AF_UNIX", kind="SOCK_STREAM", address=address))) == "ECONNREFUSED"
        assert_untouched(listener)


def test_abstract_sockets_do_not_outlast_their_program(run_on_one_slot: Run) -> None:
    source = """
import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind(b"\\0left-behind")
s.listen()
if os.fork() == 0:
    os.setsid()
    s.accept()
"""
    for _ in range(4):
        assert run_on_one_slot(source).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("name", ["example.com", "localhost", "metadata.google.internal"])
def test_no_name_can_be_resolved(run: Run, name: str) -> None:
    source = f"""
import socket
try: print(socket.create_connection(({name!r}, 80), timeout=5))
except OSError as error: print("failed")
"""
    assert printed(run(source)) == "failed"


def test_no_server_in_a_jail_can_be_reached_even_by_itself(run: Run) -> None:
    source = """
import errno, socket
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
try: socket.create_connection(server.getsockname(), timeout=5)
except OSError as error: print(errno.errorcode[error.errno])
"""
    assert printed(run(source)) in UNREACHABLE


def test_the_only_interface_is_an_idle_loopback(run: Run) -> None:
    source = "print(open('/proc/self/net/dev').read() if __import__('os').path.exists('/proc/self/net/dev') else '')"
    lines = [line for line in printed(run(source)).splitlines() if ":" in line]
    assert [line.split(":")[0].strip() for line in lines] in ([], ["lo"])
    assert all(set(line.split(":")[1].split()) == {"0"} for line in lines)


def test_sockets_within_the_program_still_work(run: Run) -> None:
    source = """
import socket
left, right = socket.socketpair()
left.sendall(b"ping")
print(right.recv(4).decode())
"""
    assert printed(run(source)) == "ping"
