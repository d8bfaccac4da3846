"""The script that makes a FakeSandbox answer as a true sandbox would, and what all cases share."""

from collections.abc import Callable
from typing import Final

from trialbox.client._errors import InvalidRequestError
from trialbox.client._fake import Answer, FakeCall, FakeSandbox
from trialbox.client._sandbox import Sandbox

Box = Sandbox | FakeSandbox
Case = Callable[[Box], None]

SCRIPT: Final[dict[str | bytes, Answer | Callable[[FakeCall], Answer]]] = {}
"""What a true sandbox says to each of the suite's programs."""


def answer(call: FakeCall) -> Answer:
    """Answer a call of this suite as a true sandbox would; the script of a FakeSandbox."""
    said = SCRIPT[call.program.source]
    return said(call) if callable(said) else said


def refusal(call: Callable[[], object]) -> InvalidRequestError:
    """Return the error of a call that must be refused, and say that trying again is of no use."""
    try:
        call()
    except InvalidRequestError as error:
        assert not error.retryable
        assert error.reason == "INVALID_REQUEST"
        return error
    raise AssertionError("the request was not refused")
