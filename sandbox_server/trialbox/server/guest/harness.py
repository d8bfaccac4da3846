"""Grades a program in its own process: loads it, runs the cases, reports a verdict each.

What runs here shares the process with the program, which could forge what is reported:
every verdict is of trust SHARED. The host keeps the clock and fills in for a process that
died. Records, one frame a field on the results descriptor:
  loaded | unloaded, type, message, line (of the program) | unprepared, likewise (of the set-up code)
  begin, case | end, case, verdict, actual, expected, type, message, line
"""

import os
import sys

import briefs
import comparators
import frames
import program
import values

_myself = sys.modules[__name__]
# A program may have replaced os's own.
_exit, _write = os._exit, os.write
_suite = b""
_results = -1


def begin(suite: bytes, results: int) -> None:
    """Get ready to be the main script's only import, with this suite and descriptor for records."""
    global _suite, _results
    _suite, _results = suite, results
    sys.modules["harness"] = _myself


def main() -> None:
    """Run the suite against /work/candidate.py."""
    setup, *cases = frames.unpack(_suite)
    del sys.modules["harness"]  # a program may have a module of this name
    what = b"unloaded"
    try:
        namespace = program.load()
        what = b"unprepared"
        if setup:
            exec(compile(setup, "<setup>", "exec", dont_inherit=True), namespace)
    except BaseException as error:
        _record(what, *program.told(error))
        _exit(1)
    _record(b"loaded")
    for packed in cases:
        number, kind, *rest = frames.unpack(packed)
        _record(b"begin", number)
        try:
            run = _check if kind == b"check" else _call
            verdict, actual, expected = run(namespace, number, *rest)
            told = (b"", b"", b"0")
        except BaseException as error:
            told = program.told(error)
            verdict, actual, expected = _verdict_of(error, kind), b"", b""
        _record(b"end", number, verdict, actual, expected, *told)
    # Threads and exit handlers of the program have no say once all verdicts are in.
    _exit(0)


def _check(namespace: dict[str, object], number: bytes, source: bytes) -> tuple[bytes, bytes, bytes]:
    # A copy: the test's own names must not replace those the program's functions use.
    exec(compile(source, f"<case {number.decode()}>", "exec", dont_inherit=True), dict(namespace))
    return b"PASSED", b"", b""


def _call(
    namespace: dict[str, object],
    number: bytes,
    entry_point: bytes,
    arguments: bytes,
    keyword_arguments: bytes,
    expected: bytes,
    rule: bytes,
    relative: bytes,
    absolute: bytes,
) -> tuple[bytes, bytes, bytes]:
    wanted = values.decode(expected)
    name = entry_point.decode()
    function = namespace.get(name)
    if not callable(function):
        raise NameError(f"the program defines no function {name!r}")
    positional, keywords = program.decoded_arguments(arguments, keyword_arguments)
    answer = function(*positional, **keywords)
    same = comparators.same(int(rule), wanted, answer, float(relative), float(absolute), positional)
    return (b"PASSED" if same else b"FAILED"), _brief(answer), _brief(wanted)


def _verdict_of(error: BaseException, kind: bytes) -> bytes:
    if isinstance(error, MemoryError):
        return b"OUT_OF_MEMORY"
    # Test code says "wrong value" by a failed assertion of its own, not of the program's.
    if kind == b"check" and isinstance(error, AssertionError) and not program.line_of(error):
        return b"FAILED"
    return b"ERROR"


def _brief(value: object) -> bytes:
    try:
        return briefs.cut(repr(value))
    except BaseException as error:
        return briefs.cut(f"({type(value).__name__} whose repr raises {type(error).__name__})")


def _record(*fields: bytes) -> None:
    data = frames.pack(frames.pack(*fields))
    while data:
        data = data[_write(_results, data) :]
