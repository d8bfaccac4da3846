"""Every way a program can end has one outcome, and the reason of whoever ended it comes first."""

import itertools
import signal

import pytest

from trialbox.server import outcome
from trialbox.server.model import Outcome

_EXITED = {code: code << 8 for code in range(256)}
_KILLED = {number: number for number in range(1, 65)}
# A core dump sets the eighth bit.
_STATUSES = (*_EXITED.values(), *_KILLED.values(), *(number | 0x80 for number in (3, 6, 11, 31)))
_REASONS = {
    b"wall": Outcome.WALL_TIME_EXCEEDED,
    b"cpu": Outcome.CPU_TIME_EXCEEDED,
    b"memory": Outcome.MEMORY_EXCEEDED,
    b"output": Outcome.OUTPUT_EXCEEDED,
    b"cancelled": Outcome.CANCELLED,
    b"forged": Outcome.CANCELLED,
    b"no_output": Outcome.NO_OUTPUT_TIME_EXCEEDED,
}


def decide(*, reason: bytes = b"", wait_status: int = 0, oom_kills: int = 0, output_exceeded: bool = False) -> Outcome:
    return outcome.decide(reason=reason, wait_status=wait_status, oom_kills=oom_kills, output_exceeded=output_exceeded)


def test_the_reasons_are_these_and_no_others() -> None:
    assert outcome.REASONS == _REASONS


def test_exit_status_0_alone_is_a_success() -> None:
    for code, status in _EXITED.items():
        assert decide(wait_status=status) is (Outcome.SUCCEEDED if code == 0 else Outcome.FAILED)


def test_a_signal_is_signaled_except_the_filters_own() -> None:
    for status in _STATUSES:
        if status & 0x7F:
            denied = status & 0x7F == signal.SIGSYS
            assert decide(wait_status=status) is (Outcome.SYSCALL_DENIED if denied else Outcome.SIGNALED)


def test_an_exit_status_of_128_and_a_signal_is_only_an_exit_status() -> None:
    assert decide(wait_status=(128 + signal.SIGSYS) << 8) is Outcome.FAILED
    assert decide(wait_status=(128 + signal.SIGKILL) << 8) is Outcome.FAILED


@pytest.mark.parametrize("status", [0, 1 << 8, 137 << 8, signal.SIGKILL, signal.SIGSYS, signal.SIGSEGV | 0x80])
def test_memory_goes_before_the_reason_given_and_that_before_output_and_status(status: int) -> None:
    for reason, oom_kills, exceeded in itertools.product((b"", *_REASONS), (0, 1, 7), (False, True)):
        decided = decide(reason=reason, wait_status=status, oom_kills=oom_kills, output_exceeded=exceeded)
        if oom_kills:
            assert decided is Outcome.MEMORY_EXCEEDED
        elif reason:
            assert decided is _REASONS[reason]
        elif exceeded:
            assert decided is Outcome.OUTPUT_EXCEEDED
        else:
            assert decided is decide(wait_status=status)


def test_every_combination_has_an_outcome_and_every_outcome_a_combination() -> None:
    reached = {
        decide(reason=reason, wait_status=status, oom_kills=oom_kills, output_exceeded=exceeded)
        for reason, status, oom_kills, exceeded in itertools.product((b"", *_REASONS), _STATUSES, (0, 1), (False, True))
    }
    assert reached == set(Outcome)
