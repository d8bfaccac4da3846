"""The SDK: run and grade programs that nobody trusts, on a service or an embedded server.

    from trialbox.client import Sandbox

    with Sandbox.local() as box:
        print(box.run("print(sum(range(10)))").stdout)

Errors are drawn as a tree in `trialbox.client._errors`; `trialbox.client.conformance` holds the checks that every
kind of sandbox passes.
"""

from trialbox.client._async_sandbox import AsyncSandbox
from trialbox.client._errors import (
    AccessDeniedError,
    CallCancelledError,
    DeadlineExceededError,
    FieldViolation,
    InternalError,
    InvalidRequestError,
    LocalServerError,
    MessageTooLargeError,
    QueueFullError,
    ResourceExhaustedError,
    SandboxError,
    UnavailableError,
    UnsupportedError,
)
from trialbox.client._events import Event, Finished, Output, OutputStream, Started
from trialbox.client._fake import FakeCall, FakeSandbox
from trialbox.client._requests import Call, Case, Check, Comparator, Comparison, Limits, Program, Stdio, Suite
from trialbox.client._results import (
    CaseResult,
    Evaluation,
    Execution,
    Isolation,
    IsolationPath,
    Layer,
    LayerState,
    Outcome,
    ProgramException,
    Runtime,
    ServerInfo,
    SkippedFile,
    Trust,
    Usage,
    Verdict,
)
from trialbox.client._sandbox import Sandbox

__all__ = [
    "AccessDeniedError",
    "AsyncSandbox",
    "Call",
    "CallCancelledError",
    "Case",
    "CaseResult",
    "Check",
    "Comparator",
    "Comparison",
    "DeadlineExceededError",
    "Evaluation",
    "Event",
    "Execution",
    "FakeCall",
    "FakeSandbox",
    "FieldViolation",
    "Finished",
    "InternalError",
    "InvalidRequestError",
    "Isolation",
    "IsolationPath",
    "Layer",
    "LayerState",
    "Limits",
    "LocalServerError",
    "MessageTooLargeError",
    "Outcome",
    "Output",
    "OutputStream",
    "Program",
    "ProgramException",
    "QueueFullError",
    "ResourceExhaustedError",
    "Runtime",
    "Sandbox",
    "SandboxError",
    "ServerInfo",
    "SkippedFile",
    "Started",
    "Stdio",
    "Suite",
    "Trust",
    "UnavailableError",
    "UnsupportedError",
    "Usage",
    "Verdict",
]
