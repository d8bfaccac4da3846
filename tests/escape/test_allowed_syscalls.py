"""The system calls a program may make are those that docs/allowed-syscalls.txt says, in a real jail too."""

import hashlib
import json
import platform

import allowed_syscalls
import bpf
import pytest
from allowed_syscalls import ALLOWED, KILLED
from executions import Run, printed

from trialbox.client import Program
from trialbox.server import seccomp

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the file is about x86-64")

_MEND = "if that is meant, `make allowed-syscalls` writes docs/allowed-syscalls.txt anew"
_ALL_ONES = (1 << 64) - 1


def test_programs_may_make_no_call_that_is_not_in_the_file() -> None:
    now, before = (_allowed(text) for text in (allowed_syscalls.report(), allowed_syscalls.FILE.read_text()))
    assert not now - before, f"programs may now make calls that they could not before; {_MEND}"


def _allowed(text: str) -> set[str]:
    return set(text.split("[allowed]\n")[1].split("\n\n")[0].splitlines())


def test_the_file_says_what_the_filter_does() -> None:
    assert allowed_syscalls.FILE.read_text() == allowed_syscalls.report(), _MEND


def test_of_the_whole_jail_no_call_of_another_architecture_is_left() -> None:
    instructions = allowed_syscalls.program()
    for number in allowed_syscalls.numbers(instructions):
        assert set(allowed_syscalls.answers(instructions, number, allowed_syscalls.I386)) == {KILLED}
        if allowed_syscalls.X32_BIT <= number < allowed_syscalls.NO_CALL:
            assert set(allowed_syscalls.answers(instructions, number)) == {KILLED}


# Makes calls that the filter is to answer, those that kill in processes of their own; prints the answers.
PROBE = """
import ctypes, errno, json, os, signal
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def answer(number, argument):
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(argument)] * 6)
    return errno.errorcode[ctypes.get_errno()] if result == -1 else "pretended"

def answer_of_a_child(number, argument):
    child = os.fork()
    if child == 0:
        answer(number, argument)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return "killed" if status == -signal.SIGSYS else f"ended with {status}"

print(json.dumps([
    (answer_of_a_child if deadly else answer)(number, argument)
    for number, argument, deadly in json.load(open("calls"))
]))
"""


def test_in_a_jail_every_call_that_is_not_allowed_is_answered_as_the_file_says(run: Run) -> None:
    instructions = allowed_syscalls.program()
    expected = {}
    for number in [*range(allowed_syscalls.LINUX_NUMBERS), allowed_syscalls.X32_BIT, allowed_syscalls.X32_BIT + 59]:
        for argument in (0, _ALL_ONES):
            known = bpf.words(number, allowed_syscalls.X86_64, [argument] * 6)
            what = allowed_syscalls.answer(bpf.decide(instructions, known))
            if what != ALLOWED and number not in allowed_syscalls.UNFILTERED:
                expected[number, argument] = what
    assert len(expected) > allowed_syscalls.LINUX_NUMBERS
    calls = [(*call, what == KILLED) for call, what in expected.items()]
    seen = json.loads(printed(run(Program(PROBE, files={"calls": json.dumps(calls).encode()}))))
    assert dict(zip(expected, seen, strict=True)) == expected


def test_calls_that_the_kernel_shows_to_no_filter_do_nothing(run: Run) -> None:
    calls = [(number, argument, True) for number in allowed_syscalls.UNFILTERED for argument in (0, _ALL_ONES)]
    source = PROBE.replace(
        "        answer(number, argument)\n        os._exit(0)",
        "        os._exit(answer(number, argument) in ('ENOSYS', 'ENXIO'))",
    )
    seen = json.loads(printed(run(Program(source, files={"calls": json.dumps(calls).encode()}))))
    assert set(seen) <= {"ended with 1", "ended with -4"}, seen


def test_the_filter_in_a_jail_is_the_one_that_was_read(run: Run) -> None:
    source = "import hashlib; print(hashlib.sha256(open('/run/trialbox/seccomp.bpf', 'rb').read()).hexdigest())"
    assert printed(run(source)) == hashlib.sha256(seccomp.program_filter()).hexdigest()
