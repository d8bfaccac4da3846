"""Promises that a program, or a kill from outside, could once break."""

import json
import os
import secrets
import signal
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import hosts
import pytest
from executions import Run, printed

from trialbox.client import Limits, Outcome, Sandbox, UnavailableError

INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _neighbours_are_unharmed() -> None:
    """Nobody runs beside these programs: whoever closes a socket has the kernel look after those left behind."""


# Across runs: the network namespace is a slot's, not a program's


FLOW_LABEL = """
import errno, socket, struct
holder = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
# IPV6_FLOWLABEL_MGR: a new label for anybody, which would stay for a minute after its last user
request = bytes(16) + struct.pack(">I", 7) + struct.pack("BBHHHI", 0, 255, 3, 60, 60, 0)
try: holder.setsockopt(socket.IPPROTO_IPV6, 32, request)
except OSError as error: print(errno.errorcode[error.errno])
"""


def test_no_flow_label_can_be_left_in_the_slots_network_namespace(run: Run) -> None:
    assert printed(run(FLOW_LABEL)) == "ENOSYS"


IN_FLIGHT = """
import array, fcntl, os, socket, struct

def lock(descriptor, command, kind):
    answer = fcntl.fcntl(descriptor, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, START, 1, 0))
    return struct.unpack("hhqqi4x", answer)[0]

def free():
    found = []
    for path in (os.__file__, "/usr/bin/sh"):
        if lock(os.open(path, os.O_RDONLY), fcntl.F_GETLK, fcntl.F_WRLCK) == fcntl.F_UNLCK: found.append(path)
    try: socket.socket(socket.AF_UNIX).bind("\\0" + NAME)
    except OSError: pass
    else: found.append("the name")
    return len(found)

def send_on_a_round_trip():
    # Two sockets on their way through each other, with all else: no process has them, and yet they are.
    one, other = socket.socketpair()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\\0" + NAME)
    listener.listen()
    files = [os.open(path, os.O_RDONLY) for path in (os.__file__, "/usr/bin/sh")]
    for descriptor in files:
        try: lock(descriptor, 37, fcntl.F_RDLCK) # F_OFD_SETLK, of the open file and not of the process
        except OSError: pass
    for end in (one, other):
        socket.send_fds(end, [b"x"], [one.fileno(), other.fileno(), listener.fileno(), *files])
    # Still held until the program ends: the kernel looks after such sockets when another is closed, not these.
    return one, other, listener
"""


def test_what_a_program_left_on_its_way_between_sockets_is_gone_for_the_next(run_on_one_slot: Run) -> None:
    for _ in range(5):
        names = f"START, NAME = {secrets.randbits(48)}, {secrets.token_hex(8)!r}\n{IN_FLIGHT}"
        assert printed(run_on_one_slot(f"{names}\nkept = send_on_a_round_trip()\nprint(free())")) in ("0", "2")
        # The kernel does it in its own time, some milliseconds after it was told to look.
        look = f"{names}\nprint(free())"
        hosts.eventually(lambda look=look: printed(run_on_one_slot(look)) == "3", "nothing is left of it")  # type: ignore[misc]


# Files of a program that trialbox ended


@pytest.mark.parametrize(
    ("ending", "limits", "outcome"),
    [
        ("while True: pass", Limits(cpu_seconds=0.2, wall_seconds=10), Outcome.CPU_TIME_EXCEEDED),
        ("b'x' * (80 << 20)", Limits(memory_bytes=64 * MIB, wall_seconds=10), Outcome.MEMORY_EXCEEDED),
        ("while True: pass", Limits(cpu_seconds=10, wall_seconds=0.2), Outcome.WALL_TIME_EXCEEDED),
        ("while True: print('x' * 99)", Limits(output_bytes=999, wall_seconds=10), Outcome.OUTPUT_EXCEEDED),
    ],
    ids=["CPU time", "memory", "wall time", "output"],
)
def test_files_larger_than_a_pipe_come_back_whatever_limit_ended_their_program(
    run: Run, ending: str, limits: Limits, outcome: Outcome
) -> None:
    execution = run(f"open('out', 'w').write('x' * 300000)\n{ending}", limits=limits, collect=("out",))
    assert execution.outcome is outcome
    assert (execution.files, execution.skipped_files) == ({"out": b"x" * 300000}, ())


# Kills from outside


def test_a_program_whose_init_is_killed_is_an_infrastructure_failure(isolation_path: str) -> None:
    marker = f"waiting-{uuid.uuid4().hex}"
    with (
        hosts.serving({"SLOTS": "1", "LOG_LEVEL": "error"}) as server,
        Sandbox(server.address, retry=False) as box,
        ThreadPoolExecutor() as pool,
    ):
        call = pool.submit(box.run, hosts.lingering(marker), isolation=isolation_path)
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
        (jail,) = (jail for jail in hosts.jails(server.pid) if jail.program.pid in hosts.marked(marker))
        os.kill(jail.init.pid, signal.SIGKILL)
        assert isinstance(call.exception(), UnavailableError), call.result()


@pytest.mark.parametrize("role", ["launcher", "nsjail", "fork_server", "init", "program"])
def test_a_request_succeeds_after_a_part_of_every_idle_slot_was_killed(isolation_path: str, role: str) -> None:
    settings = {"SLOTS": "4", "SPARE_SLOTS": "0", "LOG_LEVEL": "error"}
    with hosts.serving(settings) as server, Sandbox(server.address, retry=False) as box:
        printed(box.run("print('so that there is a jail of this kind')", isolation=isolation_path))
        killed = hosts.settled(lambda: hosts.jails(server.pid))
        for jail in killed:
            os.kill(getattr(jail, role).pid, signal.SIGKILL)
        doomed = {process for jail in killed for process in jail.die_with(role)}
        hosts.eventually(lambda: all(process.ended for process in doomed), "all of it died")
        assert printed(box.run("print('next')", isolation=isolation_path)) == "next"


# Secrets of modules loaded ahead


@pytest.mark.parametrize("isolation_path", ["warm"], indirect=True)
def test_no_two_programs_have_the_same_key_of_a_module_loaded_before(isolation_path: str) -> None:
    runtime = {"python": {"interpreter": INTERPRETER, "preload": ["multiprocessing"]}}
    settings = {"spare_slots": "0", "runtimes": json.dumps(runtime)}
    source = "import multiprocessing; print(multiprocessing.current_process().authkey.hex())"
    with Sandbox.local(slots=1, settings=settings) as box:
        keys = {printed(box.run(source, isolation=isolation_path)) for _ in range(4)}
    assert len(keys) == 4
