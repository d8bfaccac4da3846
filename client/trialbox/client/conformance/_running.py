"""One program at a time: what it sees, and what is told of it."""

from functools import partial
from typing import Final

from trialbox.client._errors import InvalidRequestError
from trialbox.client._requests import Limits, Program
from trialbox.client._results import Execution, Outcome, ProgramException
from trialbox.client.conformance._script import SCRIPT, Box, refusal


def _text(given: str | bytes) -> str:
    return given if isinstance(given, str) else given.decode()


def output_comes_back_as_bytes(box: Box) -> None:
    """Standard output and standard error are apart, and need not be text."""
    execution = box.run(_RAW_BYTES)
    assert execution.outcome is Outcome.SUCCEEDED
    assert (execution.exit_code, execution.signal, execution.exception) == (0, None, None)
    assert (execution.stdout, execution.stderr) == (b"\xff\x00", b"\xfe")
    assert not execution.stdout_truncated
    assert not execution.stderr_truncated


_RAW_BYTES: Final = "import sys; sys.stdout.buffer.write(b'\\xff\\x00'); sys.stderr.buffer.write(b'\\xfe')"
SCRIPT[_RAW_BYTES] = Execution(outcome=Outcome.SUCCEEDED, exit_code=0, stdout=b"\xff\x00", stderr=b"\xfe")


def a_program_sees_what_it_was_given(box: Box) -> None:
    """Arguments, standard input, files, environment and the hash seed arrive, and text may be bytes or str."""
    seen = b"['a', 'b c'] input content value 7\n"
    given = Program(_ECHO, {"sub/in.txt": "content"}, ["a", "b c"], "input", {"NAME": "value"}, hash_seed=7)
    assert box.run(given).stdout == seen
    override = box.run(
        _ECHO.encode(),
        files={"sub/in.txt": b"content"},
        args=("a", "b c"),
        stdin=b"input",
        env={"NAME": "value"},
        hash_seed=7,
    )
    assert override.stdout == seen


_ECHO: Final = (
    "import os, sys\n"
    "print(sys.argv[1:], sys.stdin.read(), open('sub/in.txt').read(), os.environ['NAME'], os.environ['PYTHONHASHSEED'])"
)
SCRIPT[_ECHO] = SCRIPT[_ECHO.encode()] = lambda call: Execution(
    outcome=Outcome.SUCCEEDED,
    exit_code=0,
    stdout=(
        f"{list(call.program.args)} {_text(call.program.stdin)} {_text(call.program.files['sub/in.txt'])} "
        f"{call.program.env['NAME']} {call.program.hash_seed}\n"
    ).encode(),
)


def an_exit_status_is_told(box: Box) -> None:
    """Any exit status but 0 is FAILED."""
    execution = box.run(_EXITS)
    assert (execution.outcome, execution.exit_code, execution.signal) == (Outcome.FAILED, 3, None)


_EXITS: Final = "raise SystemExit(3)"
SCRIPT[_EXITS] = Execution(outcome=Outcome.FAILED, exit_code=3)


def an_uncaught_exception_is_told(box: Box) -> None:
    """Its type, message and line come back, and the traceback is on standard error."""
    execution = box.run(_RAISES)
    assert (execution.outcome, execution.exit_code) == (Outcome.FAILED, 1)
    assert execution.exception == ProgramException(type="ValueError", message="no", line=2)
    assert b'File "/work/main.py", line 2' in execution.stderr


_RAISES: Final = "\nraise ValueError('no')"
SCRIPT[_RAISES] = Execution(
    outcome=Outcome.FAILED,
    exit_code=1,
    stderr=b'Traceback (most recent call last):\n  File "/work/main.py", line 2, in <module>\nValueError: no\n',
    exception=ProgramException(type="ValueError", message="no", line=2),
)


def a_signal_is_told(box: Box) -> None:
    """A program that a signal of its own ended is SIGNALED."""
    execution = box.run(_KILLS_ITSELF)
    assert (execution.outcome, execution.exit_code, execution.signal) == (Outcome.SIGNALED, None, 9)


_KILLS_ITSELF: Final = "import os; os.kill(os.getpid(), 9)"
SCRIPT[_KILLS_ITSELF] = Execution(outcome=Outcome.SIGNALED, signal=9)


def a_limit_is_told_by_its_name(box: Box) -> None:
    """Each limit that ends a program has its outcome, and what was printed before survives."""
    for source, limits, outcome in _LIMITED:
        execution = box.run(source, limits=limits)
        assert execution.outcome is outcome, f"{execution.outcome} for {source}"
        assert execution.exit_code is None
        assert execution.stdout.startswith(b"begun\n")
        assert execution.stdout_truncated is (outcome is Outcome.OUTPUT_EXCEEDED)


_BEGIN: Final = "print('begun', flush=True)\n"
_LIMITED: Final = (
    (_BEGIN + "import time; time.sleep(60)", Limits(wall_seconds=0.2), Outcome.WALL_TIME_EXCEEDED),
    (_BEGIN + "import time; time.sleep(50)", Limits(no_output_seconds=0.2), Outcome.NO_OUTPUT_TIME_EXCEEDED),
    (_BEGIN + "while True: pass", Limits(cpu_seconds=0.2), Outcome.CPU_TIME_EXCEEDED),
    (_BEGIN + "b = [bytearray(2**20) for _ in range(999)]", Limits(memory_bytes=2**26), Outcome.MEMORY_EXCEEDED),
    (_BEGIN + "while True: print('x' * 99)", Limits(output_bytes=1000), Outcome.OUTPUT_EXCEEDED),
)
for _source, _, _outcome in _LIMITED:
    SCRIPT[_source] = Execution(
        outcome=_outcome, signal=9, stdout=b"begun\n", stdout_truncated=_outcome is Outcome.OUTPUT_EXCEEDED
    )


def files_are_collected_by_pattern(box: Box) -> None:
    """What matches comes back by its path; the rest stays behind."""
    execution = box.run(_WRITES, collect=("out/*.bin",))
    assert execution.files == {"out/a.bin": b"\x00a", "out/b.bin": b""}
    assert execution.skipped_files == ()


_WRITES: Final = (
    "import pathlib; p = pathlib.Path('out'); p.mkdir()\n"
    "(p / 'a.bin').write_bytes(b'\\0a'); (p / 'b.bin').touch(); (p / 'c.txt').touch()"
)
SCRIPT[_WRITES] = Execution(outcome=Outcome.SUCCEEDED, exit_code=0, files={"out/a.bin": b"\x00a", "out/b.bin": b""})


def every_request_has_a_name_of_its_own(box: Box) -> None:
    """An execution tells the id that its request went by."""
    first, second = box.run(_EXITS), box.run(_EXITS)
    assert first.request_id
    assert second.request_id not in ("", first.request_id)


def what_cannot_be_served_is_refused_by_field(box: Box) -> None:
    """The error names the field, and says that trying again is of no use."""
    for program, limits, field in REFUSED:
        error = refusal(partial(box.run, program, limits=limits))
        assert [violation.field for violation in error.violations] == [field]
        assert field in str(error)


REFUSED: Final = (
    (Program("# a limit of nothing"), Limits(wall_seconds=0), "limits.wall_seconds"),
    (Program("# a limit below nothing"), Limits(cpu_seconds=-1), "limits.cpu_seconds"),
    (Program("# a limit that is no number"), Limits(wall_seconds=float("nan")), "limits.wall_seconds"),
    (Program("# an endless limit"), Limits(wall_seconds=float("inf")), "limits.wall_seconds"),
    (Program("# silence for ever"), Limits(no_output_seconds=float("inf")), "limits.no_output_seconds"),
    (Program("# more memory than there is"), Limits(memory_bytes=2**60), "limits.memory_bytes"),
    (Program("# processes below nothing"), Limits(processes=-1), "limits.processes"),
    (Program("# a path to the outside", {"../x": b""}), Limits(), "program.files"),
    (Program("# no such runtime", runtime="cobol"), Limits(), "program.runtime"),
)
for _program, _, _field in REFUSED:
    SCRIPT[_program.source] = InvalidRequestError.of_field(_field, "as scripted")


def a_server_tells_what_it_is(box: Box) -> None:
    """At least its version."""
    assert box.server_info().version
