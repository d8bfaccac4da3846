"""Requests, checked against the bounds of a small server."""

import pytest

from trialbox.server.grading import EvaluationJob
from trialbox.server.model import Job, Limits
from trialbox.server.suites import SuiteStore
from trialbox.server.validation import Bounds, InvalidRequestError, Validator, Violation
from trialbox.v1.evaluation_pb2 import Case, CheckCase
from trialbox.v1.sandbox_service_pb2 import EvaluateRequest, ExecuteRequest

DEFAULTS = Limits(
    wall_seconds=10,
    cpu_seconds=5,
    memory_bytes=1000,
    processes=10,
    open_files=100,
    disk_bytes=1000,
    disk_inodes=100,
    output_bytes=1000,
)
MAXIMA = Limits(
    wall_seconds=60,
    cpu_seconds=50,
    memory_bytes=2000,
    processes=20,
    open_files=200,
    disk_bytes=2000,
    disk_inodes=200,
    output_bytes=2000,
    no_output_seconds=60,
)
BOUNDS = Bounds(
    default_limits=DEFAULTS,
    maximum_limits=MAXIMA,
    default_case_seconds=3,
    default_evaluation_seconds=30,
    runtimes=("python", "numpy", "odd"),
    warm_runtimes=frozenset({"python", "numpy"}),
    default_runtime="python",
)
SECONDS = ("wall_seconds", "cpu_seconds", "no_output_seconds")
CHECK = Case(check=CheckCase(source=b"assert True"))
# All of it travels twice, as details and as message, in metadata that peers bound at 8 KiB.
MAXIMUM_TEXT = 3000


def validator(bounds: Bounds = BOUNDS, *, suite_bytes: int = 1 << 20) -> Validator:
    return Validator(bounds, SuiteStore(suite_bytes).of(""))


def execution(request: ExecuteRequest) -> Job:
    return validator().execution(request)


def evaluation(request: EvaluateRequest) -> EvaluationJob:
    return validator().evaluation(request)


def violations(request: ExecuteRequest | EvaluateRequest) -> tuple[Violation, ...]:
    """What is found wrong with a request that must be refused."""
    with pytest.raises(InvalidRequestError) as caught:
        if isinstance(request, ExecuteRequest):
            execution(request)
        else:
            evaluation(request)
    assert caught.value.violations
    return caught.value.violations


def violation(request: ExecuteRequest | EvaluateRequest) -> Violation:
    """The one thing wrong with a request."""
    (found,) = violations(request)
    return found
