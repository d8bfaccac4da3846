"""Programs that want the service, not themselves, to be at fault; and that trade on a grader's kindness."""

import socket
import time
from contextlib import closing

from executions import Run

from trialbox.client import Call, Limits, Outcome, Output, Program, Sandbox, Suite, Verdict

MIB = 1 << 20


def test_an_answer_as_large_as_a_program_can_make_it_still_arrives(run: Run) -> None:
    source = """
import os, sys
os.mkdir("links")
for number in range(4000):
    os.symlink("nowhere", "links/" + "n" * 240 + str(number))
open("big", "wb").truncate(16 << 20)
for stream in (sys.stdout, sys.stderr):
    stream.write("x" * (16 << 20))
"""
    limits = Limits(output_bytes=16 * MIB, wall_seconds=20, memory_bytes=512 * MIB)
    execution = run(source, collect=["**"], limits=limits)
    assert (execution.outcome, len(execution.stdout), len(execution.stderr)) == (
        Outcome.SUCCEEDED,
        16 * MIB,
        16 * MIB,
    )
    assert "too many files to tell of" in {skipped.reason for skipped in execution.skipped_files} or (
        len(execution.skipped_files) >= 4000
    )


def test_files_lost_with_the_jail_cost_no_outcome(run: Run) -> None:
    execution = run("print(1)", collect=["*"], limits=Limits(memory_bytes=1))
    assert execution.outcome is Outcome.MEMORY_EXCEEDED
    # Want of memory may have cost the jail, and with it the files: then that is told.
    assert (execution.files, len(execution.skipped_files)) in (({"main.py": b"print(1)"}, 0), ({}, 1))


def test_a_workspace_closed_to_the_collector_is_told_of(run: Run) -> None:
    execution = run("import os; open('a', 'w'); os.chmod('/work', 0)", collect=["*"])
    assert (execution.outcome, execution.files) == (Outcome.SUCCEEDED, {})
    assert [skipped.reason for skipped in execution.skipped_files] == ["Permission denied"]


def test_a_storm_of_short_processes_does_not_stop_the_clock(run: Run) -> None:
    source = """
import os, time
def run_away():
    os.setsid()
    while True:
        try:
            if os.fork() > 0: os._exit(0)
        except OSError: pass
for _ in range(200):
    try:
        if os.fork() == 0: run_away()
    except OSError: pass
time.sleep(60)
"""
    execution = run(source, collect=["*"], limits=Limits(wall_seconds=1, processes=512, cpu_seconds=60))
    assert execution.outcome is Outcome.WALL_TIME_EXCEEDED


def test_files_of_a_graded_program_take_no_name_from_the_grader(box: Sandbox) -> None:
    suite = Suite([Call("answer", (), expected=1)])
    for name in ("frames", "harness", "values", "types", "struct"):
        program = Program(f"def answer():\n    import {name}\n    return 1", files={f"{name}.py": b"x = 1"})
        assert box.evaluate(program, suite).passed, name


def test_a_case_that_starves_itself_gets_no_more_time(box: Sandbox) -> None:
    source = """
import os, time
def answer():
    for _ in range(30):
        if os.fork() == 0:
            while True: pass
    while time.process_time() < 5: pass
    return 1
"""
    started = time.monotonic()
    evaluation = box.evaluate(source, Suite([Call("answer", (), expected=1)]), case_seconds=0.5)
    assert evaluation.cases[0].verdict is Verdict.TIMED_OUT
    assert time.monotonic() - started < 10 * 0.5 + 5


def test_a_large_request_stops_no_clock_of_its_neighbours(box: Sandbox) -> None:
    heavy = Suite([Call("answer", ([0] * 2_000_000,), expected=1)])
    programs = ["import time; time.sleep(0.5); print(1)"] * 4
    executions = box.run_many(programs, limits=Limits(wall_seconds=2))
    evaluation = box.evaluate("def answer(numbers): return 1", heavy)
    assert evaluation.passed
    assert [execution.outcome for execution in executions] == [Outcome.SUCCEEDED] * 4


def test_only_tcp_udp_and_unix_sockets_can_be_made(run: Run) -> None:
    mptcp, udplite = 262, 136
    source = f"""
import socket
for kind, protocol in (({int(socket.SOCK_STREAM)}, {mptcp}), ({int(socket.SOCK_DGRAM)}, {udplite})):
    try: socket.socket(socket.AF_INET, kind, protocol)
    except OSError as error: print(error.errno)
socket.socket(), socket.socket(type=socket.SOCK_DGRAM), socket.socketpair()
"""
    execution = run(source)
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"38\n38\n")


def test_a_lock_on_a_device_reaches_no_other_slot(box: Sandbox) -> None:
    source = "import os; print(os.stat('/dev/null').st_dev, flush=True)"
    with closing(box.stream(f"{source}\nimport time; time.sleep(60)")) as events:
        first = next(event.data for event in events if isinstance(event, Output))
        # While the first still has its slot.
        second = box.run(source).stdout
    assert len({first, second}) > 1
