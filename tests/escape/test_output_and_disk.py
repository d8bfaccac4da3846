"""A program's output, files and descriptors are bounded, and come back as they were."""

import signal

import hosts
import pytest
from executions import Run, assert_killed

from trialbox.client import Limits, Outcome

MIB = 1 << 20


# Output


FLOODS = {
    "stdout": "import os\nwhile True: os.write(1, b'x' * 65536)",
    "stderr": "import os\nwhile True: os.write(2, b'x' * 65536)",
    "both": "import os\nwhile True: os.write(1, b'x' * 65536); os.write(2, b'x' * 65536)",
    "from_children": "import os\nfor _ in range(3): os.fork()\nwhile True: os.write(1, b'x' * 65536)",
    "through_a_reopened_descriptor": "f = open('/dev/stdout', 'wb', 0)\nwhile True: f.write(b'x' * 65536)",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_output_is_output_exceeded_and_bounded(run: Run, server_pid: int, flood: str) -> None:
    hosts.reset_peak_memory(server_pid)
    before = hosts.peak_memory_bytes(server_pid)
    execution = run(FLOODS[flood], limits=Limits(output_bytes=MIB, wall_seconds=20))
    assert_killed(execution, Outcome.OUTPUT_EXCEEDED)
    assert max(len(execution.stdout), len(execution.stderr)) == MIB
    assert execution.stdout_truncated or execution.stderr_truncated
    assert hosts.peak_memory_bytes(server_pid) - before < 32 * MIB


def test_output_of_exactly_the_limit_is_whole(run: Run) -> None:
    execution = run("print('x' * 999)", limits=Limits(output_bytes=1000))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"x" * 999 + b"\n")
    assert not execution.stdout_truncated


def test_one_byte_of_output_too_many_is_output_exceeded(run: Run) -> None:
    execution = run("print('x' * 1000)", limits=Limits(output_bytes=1000))
    assert execution.outcome is Outcome.OUTPUT_EXCEEDED
    assert execution.stdout_truncated
    assert not execution.stderr_truncated


def test_the_head_and_the_tail_of_a_flood_are_kept(run: Run) -> None:
    source = "import os; os.write(1, b'HEAD' + b'x' * 5000 + b'TAIL')"
    execution = run(source, limits=Limits(output_bytes=1000))
    assert execution.outcome is Outcome.OUTPUT_EXCEEDED
    assert execution.stdout.startswith(b"HEADx")
    assert execution.stdout.endswith(b"xTAIL")
    assert len(execution.stdout) == 1000


@pytest.mark.parametrize(
    ("ending", "limits", "outcome"),
    [
        ("import time; time.sleep(60)", Limits(wall_seconds=0.5), Outcome.WALL_TIME_EXCEEDED),
        ("while True: pass", Limits(cpu_seconds=0.3, wall_seconds=20), Outcome.CPU_TIME_EXCEEDED),
        ("b'x' * (80 << 20)", Limits(memory_bytes=64 * MIB), Outcome.MEMORY_EXCEEDED),
        ("import os; os.kill(os.getpid(), 9)", Limits(), Outcome.SIGNALED),
    ],
)
def test_output_before_the_end_survives_every_kind_of_kill(
    run: Run, ending: str, limits: Limits, outcome: Outcome
) -> None:
    source = f"import sys; print('partial', flush=True); print('words', file=sys.stderr)\n{ending}"
    execution = run(source, limits=limits)
    assert (execution.outcome, execution.stdout, execution.stderr) == (outcome, b"partial\n", b"words\n")


def test_output_that_is_no_text_comes_back_as_it_was(run: Run) -> None:
    execution = run("import sys; sys.stdout.buffer.write(bytes(range(256))); sys.stderr.buffer.write(b'\\xff\\x00')")
    assert (execution.stdout, execution.stderr) == (bytes(range(256)), b"\xff\x00")


# Files and descriptors


def errno_of(statement: str) -> str:
    """Write a program that prints the name of the error `statement` raises, or `allowed`."""
    return (
        "import errno, os\n"
        f"try:\n    {statement}\n    print('allowed')\n"
        "except OSError as error: print(errno.errorcode[error.errno])\n"
    )


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
def test_one_file_beyond_the_disk_limit_fails(run: Run, folder: str) -> None:
    statement = f"file = open('{folder}/big', 'wb', 0)\n    while file.write(bytes(1 << 16)): pass"
    execution = run(errno_of(statement), limits=Limits(disk_bytes=4 * MIB))
    assert execution.outcome is Outcome.SUCCEEDED
    assert execution.stdout in (b"ENOSPC\n", b"EFBIG\n")


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
def test_many_files_beyond_the_disk_limit_fail(run: Run, folder: str) -> None:
    statement = f"[open(f'{folder}/{{n}}', 'wb', 0).write(bytes(1 << 20)) for n in range(5)]"
    execution = run(errno_of(statement), limits=Limits(disk_bytes=4 * MIB))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"ENOSPC\n")


@pytest.mark.parametrize("folder", ["/work", "/tmp", "/dev/shm"])
def test_more_files_than_the_inode_limit_fail(run: Run, folder: str) -> None:
    statement = f"[os.mknod(f'{folder}/{{n}}') for n in range(100)]"
    execution = run(errno_of(statement), limits=Limits(disk_inodes=64))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"ENOSPC\n")


def test_a_sparse_terabyte_can_not_be_made(run: Run) -> None:
    source = errno_of("open('out', 'wb').truncate(1 << 40)")
    execution = run(source, collect=("out",), limits=Limits(disk_bytes=4 * MIB))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"EFBIG\n")
    assert execution.files == {"out": b""}


def test_sparse_files_are_not_read_back_beyond_what_may_be_collected(run: Run) -> None:
    source = "for n in range(40): open(f'out{n}', 'wb').truncate(60 << 20)"
    execution = run(source, collect=("out*",), limits=Limits(disk_bytes=64 * MIB))
    assert execution.outcome is Outcome.SUCCEEDED
    assert sum(map(len, execution.files.values())) <= 32 * MIB
    assert len(execution.files) + len(execution.skipped_files) == 40


def test_ten_thousand_descriptors_fail_with_emfile(run: Run) -> None:
    source = errno_of("kept = [os.open('/dev/null', os.O_RDONLY) for _ in range(10_000)]")
    execution = run(source, limits=Limits(open_files=64))
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"EMFILE\n")


@pytest.mark.parametrize("name", ["NOFILE", "FSIZE", "MEMLOCK"])
def test_a_program_can_not_raise_its_own_limits(run: Run, name: str) -> None:
    source = f"""
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_{name})
try:
    resource.setrlimit(resource.RLIMIT_{name}, (hard + 1, hard + 1))
    print("allowed")
except (ValueError, PermissionError): print("refused")
"""
    execution = run(source)
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"refused\n"), execution.stderr


@pytest.mark.parametrize("value", [0, 1 << 20, -1])
def test_a_program_can_not_change_that_its_crashes_are_no_business_of_the_hosts(run: Run, value: int) -> None:
    # With one byte allowed, and with nothing else, the kernel runs no core_pattern command of the host.
    source = f"""
import resource
resource.setrlimit(resource.RLIMIT_CORE, ({value}, {value}))
print(resource.getrlimit(resource.RLIMIT_CORE))
"""
    execution = run(source)
    assert (execution.outcome, execution.stdout) == (Outcome.SUCCEEDED, b"(1, 1)\n"), execution.stderr


def test_a_segmentation_fault_is_a_signal_and_leaves_no_core(run: Run) -> None:
    execution = run("import ctypes; ctypes.string_at(0)", collect=("*",))
    assert (execution.outcome, execution.signal, execution.exit_code) == (Outcome.SIGNALED, signal.SIGSEGV, None)
    assert set(execution.files) == {"main.py"}
