"""The exception a program told of on stderr, read from what Python really prints."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialbox.server.model import ProgramException
from trialbox.server.outcome import exception_from

_MAXIMUM_LINE = 2**32 - 1  # what the message on the wire holds

# Programs that end by an uncaught exception: the source, and its type, message and line.
_PROGRAMS: dict[str, tuple[str, str, str, int]] = {
    "plain": ("x = 1\nraise ValueError('no')", "ValueError", "no", 2),
    "no message": ("raise ValueError", "ValueError", "", 1),
    "failed assertion": ("\n\nassert 1 == 2", "AssertionError", "", 3),
    "assertion with a message": ("assert 1 == 2, 'a: b'", "AssertionError", "a: b", 1),
    "message of several lines": ("raise ValueError('one\\ntwo\\n\\n  three')", "ValueError", "one\ntwo\n\n  three", 1),
    "message that begins with a new line": ("raise ValueError('\\nx')", "ValueError", "\nx", 1),
    "key error": ("{}['k']", "KeyError", "'k'", 1),
    "deeper in the program": ("def f():\n    1 / 0\n\nf()", "ZeroDivisionError", "division by zero", 2),
    "in the library": (
        "import json\n\njson.loads('x')",
        "json.decoder.JSONDecodeError",
        "Expecting value: line 1 column 1 (char 0)",
        3,
    ),
    "called back from the library": (
        "import functools\ndef f(a, b):\n    raise LookupError(a)\nfunctools.reduce(f, [1, 2])",
        "LookupError",
        "1",
        3,
    ),
    "recursion": (
        "def f():\n    return f()\nf()",
        "RecursionError",
        "maximum recursion depth exceeded",
        2,
    ),
    "syntax": ("x = 1\ny = = 2", "SyntaxError", "invalid syntax", 2),
    "unclosed bracket": ("x = (1,\n", "SyntaxError", "'(' was never closed", 1),
    "indentation": (
        "def f():\nreturn 1",
        "IndentationError",
        "expected an indented block after function definition on line 1",
        2,
    ),
    "tabs": ("if 1:\n        x = 1\n\ty = 2", "TabError", "inconsistent use of tabs and spaces in indentation", 3),
    "syntax in code of its own": ("x = 1\nexec('y = = 2')", "SyntaxError", "invalid syntax", 2),
    "chained on purpose": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise TypeError('second') from e",
        "TypeError",
        "second",
        4,
    ),
    "while handling another": ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    {}['k']", "KeyError", "'k'", 4),
    "own class": ("class MyError(Exception): pass\nraise MyError('m')", "MyError", "m", 2),
    "own class with a message of several lines": (
        "class MyError(Exception):\n    def __str__(self): return 'a\\nb: c\\nd'\nraise MyError",
        "MyError",
        "a\nb: c\nd",
        3,
    ),
    "class inside a class": ("class A:\n    class B(Exception): pass\nraise A.B('m')", "A.B", "m", 3),
    "class inside a function": (
        "def f():\n    class E(Exception): pass\n    raise E('m')\nf()",
        "f.<locals>.E",
        "m",
        3,
    ),
    "class with a name that is not ASCII": ("class Größe(Exception): pass\nraise Größe('m')", "Größe", "m", 2),
    "class of another module": (
        "import subprocess\nraise subprocess.SubprocessError('m')",
        "subprocess.SubprocessError",
        "m",
        2,
    ),
    "text that can't be read": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "E",
        "<exception str() failed>",
        3,
    ),
    "noted": (
        "e = ValueError('m')\ne.add_note('note')\nraise e",
        "ValueError",
        "m\nnote",
        3,
    ),
    "group": (
        "raise ExceptionGroup('several', [ValueError('a'), TypeError('b')])",
        "ExceptionGroup",
        "several (2 sub-exceptions)",
        1,
    ),
    "group of raised ones": (
        "es = []\nfor t in (ValueError, TypeError):\n    try:\n        raise t('x')\n    except Exception as e:\n"
        "        es.append(e)\nraise ExceptionGroup('several', es)",
        "ExceptionGroup",
        "several (2 sub-exceptions)",
        7,
    ),
    "task group": (
        "import asyncio\nasync def f(): 1 / 0\nasync def main():\n    async with asyncio.TaskGroup() as group:\n"
        "        group.create_task(f())\nasyncio.run(main())",
        "ExceptionGroup",
        "unhandled errors in a TaskGroup (1 sub-exception)",
        4,
    ),
    "after other output": (
        "import sys\nprint('Error: not this\\n  nor this', file=sys.stderr)\nraise ValueError('m')",
        "ValueError",
        "m",
        3,
    ),
    "after a traceback that was handled": (
        "import traceback\ntry:\n    1 / 0\nexcept Exception:\n    traceback.print_exc()\nraise ValueError('m')",
        "ValueError",
        "m",
        6,
    ),
    "without a message, before other output": (
        "import atexit, sys\natexit.register(lambda: print('bye', file=sys.stderr))\nraise ValueError",
        "ValueError",
        "",
        3,
    ),
    "bytes of no encoding in the message": (
        "import sys\nraise ValueError('caf\\udce9')",
        "ValueError",
        "caf\\udce9",
        2,
    ),
}


def stderr_of(source: str, folder: Path) -> bytes:
    """What Python prints about the program, as if it lay where programs lie in a jail."""
    script = folder / "main.py"
    script.write_text(source)
    run = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, check=False, timeout=60)
    assert run.returncode == 1, run.stderr
    return run.stderr.replace(bytes(script), b"/work/main.py")


@pytest.mark.parametrize("name", _PROGRAMS)
def test_the_exception_python_printed_is_read_back(name: str, tmp_path: Path) -> None:
    source, kind, message, line = _PROGRAMS[name]
    stderr = stderr_of(source, tmp_path)
    assert exception_from(stderr) == ProgramException(type=kind, message=message, line=line), stderr.decode()


def test_output_after_a_message_can_only_be_taken_for_more_of_it(tmp_path: Path) -> None:
    stderr = stderr_of(
        "import atexit, sys\natexit.register(lambda: print('bye', file=sys.stderr))\nraise ValueError('m')", tmp_path
    )
    assert exception_from(stderr) == ProgramException(type="ValueError", message="m\nbye", line=3)


@pytest.mark.parametrize("stderr", [b"", b"\n", b"Error: x\n", b"ValueError: x\n", b"Traceback\n", b"  File\n"])
def test_where_no_traceback_is_there_is_no_exception(stderr: bytes) -> None:
    assert exception_from(stderr) is None


def test_an_exception_outside_the_program_has_no_line() -> None:
    stderr = b'Traceback (most recent call last):\n  File "<string>", line 7, in <module>\nValueError: x\n'
    assert exception_from(stderr) == ProgramException(type="ValueError", message="x", line=0)


def test_only_the_last_of_a_long_stream_is_looked_at() -> None:
    last = b'Traceback (most recent call last):\n  File "/work/main.py", line 3, in <module>\n    f()\nTypeError: x\n'
    stderr = b"noise\n" * 1_000_000 + last
    assert exception_from(stderr) == ProgramException(type="TypeError", message="x", line=3)


_FRAGMENTS = (
    b"Traceback (most recent call last):\n",
    b"\n",
    b'  File "/work/main.py", line ',
    b'\n  File "/work/main.py", line 3, in f\n',
    b'    | File "/work/main.py", line 3\n',
    b"  + Exception Group Traceback (most recent call last):\n",
    b"  | ExceptionGroup: x (1 sub-exception)\n",
    b"    raise\n",
    b"ValueError",
    b": ",
    b"a.b.C: x\n",
    b"99999999999\n",
    b"9" * 5000,
    b"\xff\x00\r",
    b"  ",
)


@given(st.binary() | st.lists(st.sampled_from(_FRAGMENTS), max_size=12).map(b"".join))
@example(b'  File "/work/main.py", line ' + b"9" * 5000 + b"\nValueError: x\n")
@example(b'  File "/work/main.py", line 99999999999\nValueError: x\n')
@example(b"Traceback (most recent call last):\n\xff: x\n")
def test_any_bytes_give_an_exception_that_fits_the_wire_or_none(stderr: bytes) -> None:
    found = exception_from(stderr)
    if found is not None:
        assert found.type
        assert 0 <= found.line <= _MAXIMUM_LINE


@pytest.mark.parametrize(
    "fragment",
    [*_FRAGMENTS, b" ", b"x", b"Traceback", b"File ", b".a", b": x"],
    ids=lambda fragment: repr(fragment[:30]),
)
def test_adversarial_output_takes_no_more_than_one_pass(fragment: bytes) -> None:
    # Anything worse than linear in what is looked at would not end here.
    start = b'Traceback (most recent call last):\n  File "/work/main.py", line 1\n'
    looked_at, long = fragment * (60_000 // len(fragment)), fragment * (4_000_000 // len(fragment))
    for stderr in (looked_at, start + looked_at, long, start + long):
        found = exception_from(stderr)
        assert found is None or found.line <= _MAXIMUM_LINE
