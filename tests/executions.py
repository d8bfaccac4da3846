"""What tests demand of an execution."""

import signal
from collections.abc import Callable

from trialbox.client import Execution, Outcome

# The `run` fixture: Sandbox.run, isolated the way the test asks for.
Run = Callable[..., Execution]


def printed(execution: Execution) -> str:
    """What a program that had to succeed, and not to complain, printed."""
    assert (execution.outcome, execution.stderr) == (Outcome.SUCCEEDED, b""), execution
    return execution.stdout.decode().rstrip("\n")


def assert_killed(execution: Execution, outcome: Outcome) -> None:
    """Assert that trialbox ended the program, for this reason."""
    assert (execution.outcome, execution.exit_code, execution.signal) == (outcome, None, signal.SIGKILL), execution
