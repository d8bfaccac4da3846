"""A program ends at its time, memory and process limits, for the reason that was true."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import hosts
import pytest
from executions import Run, assert_killed, printed
from snippets import TURN_DEAF

from trialbox.client import Limits, Outcome, Sandbox

MIB = 1 << 20


# Time


def test_a_busy_loop_ends_at_its_cpu_limit(run: Run) -> None:
    execution = run("while True: pass", limits=Limits(cpu_seconds=0.3, wall_seconds=20))
    assert_killed(execution, Outcome.CPU_TIME_EXCEEDED)
    used = execution.usage.user_cpu_seconds + execution.usage.system_cpu_seconds
    assert 0.3 <= used < 3


def test_a_busy_loop_ends_at_its_wall_limit(run: Run) -> None:
    execution = run("while True: pass", limits=Limits(wall_seconds=0.3, cpu_seconds=20))
    assert_killed(execution, Outcome.WALL_TIME_EXCEEDED)
    assert 0.3 <= execution.usage.wall_seconds < 3


def test_a_sleeper_ends_at_its_wall_limit_having_used_almost_no_cpu(run: Run) -> None:
    execution = run("import time; time.sleep(60)", limits=Limits(wall_seconds=0.5))
    assert_killed(execution, Outcome.WALL_TIME_EXCEEDED)
    used = execution.usage.user_cpu_seconds + execution.usage.system_cpu_seconds
    assert used < 0.25
    assert 0.5 <= execution.usage.wall_seconds < 5


def test_time_in_system_calls_counts_as_cpu_time(run: Run) -> None:
    source = "import os\nfd = os.open('/dev/zero', os.O_RDONLY)\nwhile True: os.read(fd, 1 << 24)"
    execution = run(source, limits=Limits(cpu_seconds=0.3, wall_seconds=20))
    assert_killed(execution, Outcome.CPU_TIME_EXCEEDED)
    assert execution.usage.system_cpu_seconds > 0.1


def test_the_cpu_time_of_all_children_counts(run: Run) -> None:
    source = """
import os
for _ in range(4):
    if os.fork() == 0:
        while True: pass
os.wait()
"""
    execution = run(source, limits=Limits(cpu_seconds=0.4, wall_seconds=20))
    assert_killed(execution, Outcome.CPU_TIME_EXCEEDED)


def test_the_cpu_time_of_children_that_ended_is_reported(run: Run) -> None:
    source = """
import os, time
for _ in range(2):
    if os.fork() == 0:
        while time.process_time() < 0.2: pass
        os._exit(0)
while True:
    try: os.wait()
    except ChildProcessError: break
"""
    execution = run(source, limits=Limits(cpu_seconds=10, wall_seconds=20))
    assert execution.outcome is Outcome.SUCCEEDED
    # of the 0.4 s burnt; some kernels count what a group used in ticks
    assert execution.usage.user_cpu_seconds + execution.usage.system_cpu_seconds >= 0.4


def test_the_cpu_time_of_abandoned_grandchildren_counts(run: Run) -> None:
    source = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: pass
    os._exit(0)
os.wait()
time.sleep(60)
"""
    assert_killed(run(source, limits=Limits(cpu_seconds=0.3, wall_seconds=20)), Outcome.CPU_TIME_EXCEEDED)


IGNORES_SIGNALS = """
import signal
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    try: signal.signal(number, signal.SIG_IGN)
    except OSError: pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True: pass
"""


def test_ignoring_every_signal_does_not_outlive_the_cpu_limit(run: Run) -> None:
    execution = run(IGNORES_SIGNALS, limits=Limits(cpu_seconds=0.3, wall_seconds=20))
    assert_killed(execution, Outcome.CPU_TIME_EXCEEDED)


def test_ignoring_every_signal_does_not_outlive_the_wall_limit(run: Run) -> None:
    execution = run(IGNORES_SIGNALS, limits=Limits(cpu_seconds=20, wall_seconds=0.3))
    assert_killed(execution, Outcome.WALL_TIME_EXCEEDED)


def test_a_stopped_program_ends_at_its_wall_limit(run: Run) -> None:
    execution = run("import os, signal; os.kill(0, signal.SIGSTOP)", limits=Limits(wall_seconds=0.3))
    assert_killed(execution, Outcome.WALL_TIME_EXCEEDED)


def test_a_child_left_running_does_not_hold_up_the_answer(run: Run) -> None:
    source = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nprint('parent')"
    execution = run(source, limits=Limits(wall_seconds=20))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"parent\n")
    assert execution.usage.wall_seconds < 10


# Memory


def test_touching_more_than_the_memory_limit_is_memory_exceeded(run: Run) -> None:
    execution = run("b'x' * (65 << 20)", limits=Limits(memory_bytes=64 * MIB))
    assert_killed(execution, Outcome.MEMORY_EXCEEDED)
    assert 32 * MIB < execution.usage.peak_memory_bytes <= 66 * MIB


def test_touching_less_than_the_memory_limit_succeeds_and_is_reported(run: Run) -> None:
    execution = run("print(len(b'x' * (48 << 20)))", limits=Limits(memory_bytes=64 * MIB))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"%d\n" % (48 * MIB))
    # Where the kernel can't start the slot's peak anew, a program that stays below it has a lower bound told.
    least = 48 * MIB if hosts.memory_peaks_reset() else 0
    assert least <= execution.usage.peak_memory_bytes <= 64 * MIB


def test_memory_grown_little_by_little_is_memory_exceeded(run: Run) -> None:
    execution = run("x = []\nwhile True: x.append(bytes(1 << 16))", limits=Limits(memory_bytes=64 * MIB))
    assert_killed(execution, Outcome.MEMORY_EXCEEDED)


def test_the_memory_of_all_children_is_bounded_together(run: Run) -> None:
    source = """
import os
ready_read, ready_write = os.pipe()
for _ in range(2):
    if os.fork() == 0:
        held = b"x" * int(0.6 * (64 << 20))
        os.write(ready_write, b"held")
        os.read(os.pipe()[0], 1)
os.close(ready_write)
while os.read(ready_read, 8): pass
"""
    execution = run(source, limits=Limits(memory_bytes=64 * MIB, wall_seconds=20))
    assert execution.outcome is Outcome.MEMORY_EXCEEDED


def test_the_out_of_memory_kill_of_a_grandchild_ends_the_execution(run: Run) -> None:
    source = """
import os
if os.fork() == 0:
    if os.fork() == 0:
        held = b"x" * (80 << 20)
    os.wait()
    os._exit(0)
os.wait()
print("as if nothing had happened")
"""
    execution = run(source, limits=Limits(memory_bytes=64 * MIB, wall_seconds=20))
    assert execution.outcome is Outcome.MEMORY_EXCEEDED


def test_files_in_private_file_systems_count_as_memory(run: Run) -> None:
    source = """
for folder in ("/work", "/tmp", "/dev/shm"):
    with open(folder + "/big", "wb") as file:
        for _ in range(30): file.write(bytes(1 << 20))
"""
    limits = Limits(memory_bytes=64 * MIB, disk_bytes=64 * MIB)
    assert_killed(run(source, limits=limits), Outcome.MEMORY_EXCEEDED)


def test_anonymous_files_count_as_memory(run: Run) -> None:
    source = """
import os
for number in range(100):
    os.write(os.memfd_create(str(number)), bytes(1 << 20))
"""
    assert_killed(run(source, limits=Limits(memory_bytes=64 * MIB, disk_bytes=8 * MIB)), Outcome.MEMORY_EXCEEDED)


def test_many_small_hungry_children_are_memory_exceeded(run: Run) -> None:
    source = """
import os
for _ in range(40):
    if os.fork() == 0:
        held = b"x" * (4 << 20)
        os.read(os.pipe()[0], 1)
os.wait()
"""
    execution = run(source, limits=Limits(memory_bytes=64 * MIB, processes=64, wall_seconds=20))
    assert execution.outcome is Outcome.MEMORY_EXCEEDED


# All of them wait until all are there, then ask for memory at once.
CROWD = """
import os
together_read, together_write = os.pipe()
for number in range(CHILDREN):
    if os.fork() == 0:
        os.close(together_write)
        os.read(together_read, 1)
        held = b"x" * HELD
        os.read(os.pipe()[0], 1)
os.close(together_write)
os.wait()
"""


def test_four_hundred_small_children_are_memory_exceeded_and_their_jail_goes_on(
    one_slot_server: tuple[Sandbox, int], run_on_one_slot: Run, isolation_path: str
) -> None:
    _, server_pid = one_slot_server
    printed(run_on_one_slot("print()"))
    before = {jail.fork_server for jail in hosts.settled(lambda: hosts.jails(server_pid))}
    source = CROWD.replace("CHILDREN", "400").replace("HELD", str(MIB))
    limits = Limits(memory_bytes=256 * MIB, processes=500, wall_seconds=60, cpu_seconds=60)
    execution = run_on_one_slot(source, limits=limits)
    assert execution.outcome is Outcome.MEMORY_EXCEEDED
    assert execution.usage.peak_memory_bytes <= 258 * MIB
    assert printed(run_on_one_slot("print('next')")) == "next"
    if isolation_path == "warm":
        assert all(not fork_server.ended for fork_server in before)


def test_reserving_address_space_is_free(run: Run) -> None:
    source = "import mmap; print(len(mmap.mmap(-1, 2 << 30)))"
    execution = run(source, limits=Limits(memory_bytes=64 * MIB))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"%d\n" % (2 << 30))


# Processes


def test_forking_beyond_the_process_limit_fails_with_eagain(run: Run) -> None:
    source = """
import errno, os
children = 0
try:
    while True:
        if os.fork() == 0: os.read(os.pipe()[0], 1)
        children += 1
except OSError as error:
    print(errno.errorcode[error.errno], children, flush=True)
"""
    execution = run(source, limits=Limits(processes=16, wall_seconds=20))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"EAGAIN 15\n")


def test_threads_count_as_processes(run: Run) -> None:
    source = """
import threading
hold = threading.Event()
started = 0
try:
    while True:
        threading.Thread(target=hold.wait).start()
        started += 1
except RuntimeError as error:
    print(error, started)
hold.set()
"""
    execution = run(source, limits=Limits(processes=16, wall_seconds=20))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"can't start new thread 15\n")


def test_a_fork_bomb_ends_at_its_wall_limit(run: Run) -> None:
    source = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    execution = run(source, limits=Limits(processes=32, wall_seconds=0.5, cpu_seconds=60))
    assert_killed(execution, Outcome.WALL_TIME_EXCEEDED)


def test_a_fork_bomb_of_orphans_leaves_nothing_running(run: Run, server_pid: int) -> None:
    before = hosts.descendants(server_pid)
    source = """
import os
while True:
    try:
        if os.fork():
            os._exit(0)
        os.setsid()
    except OSError: pass
"""
    execution = run(source, limits=Limits(processes=32, wall_seconds=1))
    assert (execution.outcome, execution.exit_code) == (Outcome.SUCCEEDED, 0)
    started = hosts.descendants(server_pid) - before
    hosts.eventually(lambda: not any(process.alive for process in started), "the orphans ended")


DAEMON = f"""{TURN_DEAF}
import os, signal, sys
told_read, told_write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        turn_deaf()
        os.set_inheritable(told_write, True)
        tell = "import os, sys, time; os.write(int(sys.argv[1]), b'x'); time.sleep(600)"
        os.execv(sys.executable, [sys.executable, "-c", tell, str(told_write), MARKER])
    os._exit(0)
os.wait()
os.read(told_read, 1)
ENDING
"""


@pytest.mark.parametrize(
    "ending", ["pass", "raise SystemExit(3)", "os._exit(0)", "os.kill(os.getpid(), 9)", "signal.pause()", "1 / 0"]
)
def test_a_daemon_that_ignores_every_signal_is_dead_before_the_answer_arrives(run: Run, ending: str) -> None:
    marker = f"daemon-{uuid.uuid4().hex}"
    source = DAEMON.replace("MARKER", repr(marker)).replace("ENDING", ending)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(run, source, limits=Limits(wall_seconds=2))
        if ending == "signal.pause()":
            hosts.eventually(lambda: hosts.marked(marker), "the daemon runs")
        execution = call.result()
    assert not hosts.marked(marker)
    assert execution.outcome is not Outcome.MEMORY_EXCEEDED
