"""A request that makes no sense is refused with the name of what is wrong, and runs nothing."""

import math

import pytest
from executions import Run

from trialbox.client import InvalidRequestError, Limits, Outcome, Program, Sandbox, SandboxError
from trialbox.v1 import MINIMUM_LIMITS

INVALID_LIMITS = [
    *((name, value) for name in ("wall_seconds", "cpu_seconds") for value in (0.0, -1.0, math.nan, math.inf, 1e9)),
    *(
        (name, value)
        for name in ("memory_bytes", "processes", "open_files", "disk_bytes", "disk_inodes", "output_bytes")
        for value in (0, -1, 1 << 62)
    ),
    ("memory_bytes", 1 << 40),
    ("processes", 1 << 31),
    ("open_files", 1 << 31),
    *((name, least - 1) for name, least in MINIMUM_LIMITS.items()),
]
SOURCE = "print('ran')"


@pytest.mark.parametrize(("name", "value"), INVALID_LIMITS)
def test_a_limit_out_of_range_is_refused_by_name(box: Sandbox, name: str, value: float) -> None:
    with pytest.raises(SandboxError) as refused:
        box.run("print(1)", limits=Limits(**{name: value}))  # type: ignore[arg-type]
    assert refused.value.reason == "INVALID_REQUEST"
    assert f"limits.{name}" in str(refused.value)


@pytest.mark.parametrize(
    "path", ["", ".", "..", "../up", "/etc/passwd", "a/../../up", "a//b", "a\0b", "main.py", "x" * 300]
)
def test_a_file_outside_the_workspace_is_refused(box: Sandbox, path: str) -> None:
    with pytest.raises(SandboxError) as refused:
        box.run(Program("print(1)", files={path: b""}))
    assert refused.value.reason == "INVALID_REQUEST"


@pytest.mark.parametrize("pattern", ["../*", "/etc/*", "a/../../*"])
def test_collecting_from_outside_the_workspace_is_refused(box: Sandbox, pattern: str) -> None:
    with pytest.raises(SandboxError) as refused:
        box.run("print(1)", collect=(pattern,))
    assert refused.value.reason == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("name", "least", "outcome"),
    [
        *((name, least, Outcome.SUCCEEDED) for name, least in MINIMUM_LIMITS.items()),
        ("processes", 1, Outcome.SUCCEEDED),
        ("disk_bytes", len(SOURCE), Outcome.SUCCEEDED),
        ("memory_bytes", 1, Outcome.MEMORY_EXCEEDED),
        ("output_bytes", 1, Outcome.OUTPUT_EXCEEDED),
    ],
)
def test_with_the_least_that_may_be_asked_for_a_program_runs_or_ends_for_that_reason(
    run: Run, name: str, least: float, outcome: Outcome
) -> None:
    execution = run(SOURCE, limits=Limits(**{name: least}))  # type: ignore[arg-type]
    assert execution.outcome is outcome
    assert (execution.stdout, execution.stderr) == (b"ran\n", b"") or outcome is not Outcome.SUCCEEDED


def test_with_the_least_time_that_may_be_asked_for_a_program_that_goes_on_is_ended(run: Run) -> None:
    execution = run("while True: pass", limits=Limits(wall_seconds=1e-9))
    assert execution.outcome is Outcome.WALL_TIME_EXCEEDED


def test_a_disk_smaller_than_the_source_is_refused(run: Run) -> None:
    with pytest.raises(
        InvalidRequestError, match=f"program.files: hold 12 bytes .*limits.disk_bytes, {len(SOURCE) - 1}"
    ):
        run(SOURCE, limits=Limits(disk_bytes=len(SOURCE) - 1))
