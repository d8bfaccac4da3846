"""Programs that are after the service itself: what it says to a jail, what it hears of it, and what it holds."""

import os
import signal
import socket
from pathlib import Path

from escape.hostile.tools import hostile

_CONTROL = 3
_FORGERIES = (b"end 1  0 1 1 1 2 0", b"ready", b"confined 1", b"broken 1", b"collected 1", b"lost 1", b"loaded 1")


@hostile()
def says_that_it_has_ended() -> None:
    for packet in _FORGERIES:
        os.write(_CONTROL, packet)


@hostile()
def says_so_by_any_descriptor() -> None:
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, _FORGERIES[0])
        except OSError:
            continue
        return
    raise FileNotFoundError("no descriptor can be written to")


@hostile()
def finds_a_socket_among_its_descriptors() -> None:
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    assert [link for link in links if os.path.lexists(link) and os.readlink(link).startswith("socket:")]


@hostile()
def finds_a_folder_of_the_server_among_its_descriptors() -> None:
    assert [name for name in os.listdir("/proc/self/fd") if int(name) > 2 and _leads_somewhere(int(name))]


@hostile()
def reads_the_token_of_the_service() -> None:
    assert [name for name in os.environ if name.startswith("TRIALBOX")]


@hostile()
def reads_the_variables_its_jail_was_started_with() -> None:
    assert b"TRIALBOX" in Path("/proc/self/environ").read_bytes()


@hostile()
def reads_the_variables_of_the_fork_server() -> None:
    Path("/proc/1/environ").read_bytes()


@hostile()
def changes_what_it_was_sent() -> None:
    with Path("/dev/stdin").open("r+b", buffering=0) as stdin:
        stdin.write(b"another")


@hostile()
def cuts_short_what_it_was_sent() -> None:
    os.truncate("/dev/stdin", 0)


@hostile()
def makes_what_it_was_sent_longer() -> None:
    os.ftruncate(0, 1 << 20)


@hostile()
def has_the_fork_server_deliver_signals() -> None:
    for number in (signal.SIGCHLD, signal.SIGTERM):
        os.kill(1, number)


@hostile()
def takes_the_fork_servers_memory_for_its_own() -> None:
    os.close(os.open("/proc/1/mem", os.O_RDWR))


@hostile()
def finds_what_the_fork_server_maps() -> None:
    assert Path("/proc/1/maps").read_bytes()


@hostile()
def speaks_to_a_server_by_its_usual_name() -> None:
    # As a server outside would be: one that listens, not a file of that name.
    found = [line for line in Path("/proc/net/unix").read_text().splitlines() if "trialbox" in line]
    assert found


@hostile()
def passes_a_descriptor_of_its_own_to_the_service() -> None:
    with socket.socket(fileno=os.dup(_CONTROL)) as control:
        socket.send_fds(control, [b"workspace 1"], [1])


def _leads_somewhere(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
