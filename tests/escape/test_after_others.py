"""What others did before, or stopped doing half-way, changes neither a program's limits nor its answer."""

import contextlib
from collections.abc import Callable

from executions import Run, printed

from trialbox.client import Execution, Limits, Outcome, Program, SandboxError

MIB = 1 << 20

# Takes memory until it may have no more, and tells how much that was.
TAKE_ALL = """
import os
taken = []
while True:
    taken.append(bytearray(b"x" * (1 << 20)))
    os.write(1, b"%d\\n" % len(taken))
"""
# Names of files that are not there: the kernel remembers them, at the asker's expense, when the asker is gone.
LEAVE_NAMES = """
import os
for number in range(60000):
    try: os.stat(f"/usr/lib/{'x' * 200}{number}")
    except OSError: pass
"""
# Files that nobody but their own sockets know: the kernel finds out some time after the end.
LEAVE_CYCLES = """
import os, socket
for _ in range(3):
    file = os.memfd_create("m")
    os.write(file, bytes(40 << 20))
    one, other = socket.socketpair()
    for end in (one, other):
        socket.send_fds(end, [b"x"], [file, one.fileno(), other.fileno()])
"""


def megabytes_to_be_had(run: Callable[..., Execution]) -> int:
    execution = run(TAKE_ALL, limits=Limits(memory_bytes=32 * MIB))
    assert execution.outcome is Outcome.MEMORY_EXCEEDED
    return int(execution.stdout.split()[-1])


def test_what_a_program_leaves_in_the_kernel_does_not_raise_the_next_ones_limit(
    run_on_one_slot: Callable[..., Execution],
) -> None:
    for leave in (LEAVE_NAMES, LEAVE_CYCLES):
        run_on_one_slot(leave, limits=Limits(memory_bytes=256 * MIB, wall_seconds=20))
        assert megabytes_to_be_had(run_on_one_slot) <= 33


def test_a_low_limit_of_the_last_program_is_none_of_the_next(run_on_one_slot: Callable[..., Execution]) -> None:
    large = Program("print('laid out')", files={f"{number}": bytes(10 * MIB) for number in range(4)})
    for memory_bytes in (33 * MIB, 1 * MIB):
        run_on_one_slot("print(1)", limits=Limits(memory_bytes=memory_bytes, processes=4))
        assert printed(run_on_one_slot(large)) == "laid out"


def test_calls_given_up_half_way_leave_the_next_program_its_own_answer(
    run_on_one_slot: Callable[..., Execution],
) -> None:
    for number in range(40):
        # Other disks than the usual have a process prepared first: some calls end then, some later, some not at all.
        with contextlib.suppress(SandboxError):
            limits = Limits(disk_bytes=MIB + 4096 * number)
            run_on_one_slot("print(1)", limits=limits, deadline_seconds=0.001 + 0.00025 * (number % 20))
        with contextlib.suppress(SandboxError):
            large = Program("print(1)", files={"large": bytes(2 * MIB)})
            run_on_one_slot(large, deadline_seconds=0.004 + 0.0005 * (number % 20))
        assert printed(run_on_one_slot(f"print({number})", limits=Limits(wall_seconds=10))) == str(number)


def test_no_process_can_be_given_to_the_programs_parent(run: Run) -> None:
    source = """
import ctypes, errno
CLONE_PARENT, SIGCHLD = 0x8000, 17
libc = ctypes.CDLL(None, use_errno=True)
stack = ctypes.create_string_buffer(65536)
child = libc.clone(ctypes.cast(libc._exit, ctypes.c_void_p),
                   ctypes.c_void_p(ctypes.addressof(stack) + 65536 - 64), CLONE_PARENT | SIGCHLD, None)
print(child, errno.errorcode[ctypes.get_errno()])
"""
    assert printed(run(source, limits=Limits(wall_seconds=5))) == "-1 EPERM"
