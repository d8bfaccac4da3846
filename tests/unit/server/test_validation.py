"""A request is a job or a list of what is wrong with it: field, value and allowed range."""

import math
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from checked_requests import (
    BOUNDS,
    CHECK,
    DEFAULTS,
    MAXIMA,
    MAXIMUM_TEXT,
    SECONDS,
    evaluation,
    execution,
    validator,
    violation,
    violations,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trialbox.server.grading import EvaluationJob
from trialbox.server.model import LIMIT_NAMES, IsolationPath, Job
from trialbox.server.suites import UnknownSuiteError
from trialbox.server.validation import InvalidRequestError, Violation
from trialbox.v1 import MINIMUM_LIMITS, values
from trialbox.v1.evaluation_pb2 import Case, Suite
from trialbox.v1.execution_pb2 import ISOLATION_PATH_COLD, ISOLATION_PATH_WARM, Program
from trialbox.v1.execution_pb2 import Limits as WireLimits
from trialbox.v1.sandbox_service_pb2 import EvaluateRequest, ExecuteRequest


def with_limit(name: str, value: float) -> tuple[ExecuteRequest, EvaluateRequest]:
    limits = WireLimits(**{name: value})  # type: ignore[arg-type]
    return ExecuteRequest(limits=limits), EvaluateRequest(limits=limits, suite=Suite(cases=[CHECK]))


def with_files(*paths: str) -> ExecuteRequest:
    return ExecuteRequest(program=Program(files=dict.fromkeys(paths, b"")))


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, 0) for name in LIMIT_NAMES if name not in SECONDS]
    + [(name, least - 1) for name, least in MINIMUM_LIMITS.items()]
    + [(name, getattr(MAXIMA, name) + 1) for name in LIMIT_NAMES if name not in SECONDS]
    + [(name, value) for name in SECONDS for value in (0.0, -0.0, -1.0, math.nan, math.inf, -math.inf, 60.0000001)]
    + [("memory_bytes", 2**64 - 1), ("processes", 2**32 - 1)],
)
def test_a_limit_out_of_range_is_refused_with_field_value_and_range(name: str, value: float) -> None:
    for request in with_limit(name, value):
        found = violations(request)[-1]
        assert found.field == f"limits.{name}"
        least = MINIMUM_LIMITS.get(name, "above 0")
        assert found.description == f"is {value}; the allowed range is {least} to {getattr(MAXIMA, name)}"


@pytest.mark.parametrize("name", LIMIT_NAMES)
def test_a_limit_from_its_floor_to_its_ceiling_is_taken_and_the_others_left_at_their_defaults(name: str) -> None:
    for value in (MINIMUM_LIMITS.get(name, 1), getattr(MAXIMA, name)):
        job = execution(with_limit(name, value)[0])
        assert job.limits == replace(DEFAULTS, **{name: value})


def test_an_evaluation_has_no_limit_on_silence_and_refuses_one_by_its_name() -> None:
    found = violation(with_limit("no_output_seconds", 5)[1])
    assert found == Violation("limits.no_output_seconds", "is 5.0; an evaluation has no such limit, so leave it out")
    impatient = replace(BOUNDS, default_limits=replace(DEFAULTS, no_output_seconds=7))
    assert validator(impatient).execution(ExecuteRequest()).limits.no_output_seconds == 7
    request = EvaluateRequest(suite=Suite(cases=[CHECK]))
    assert validator(impatient).evaluation(request).limits.no_output_seconds is None


def test_limits_left_out_are_the_defaults() -> None:
    assert execution(ExecuteRequest()).limits == DEFAULTS
    assert execution(ExecuteRequest(limits=WireLimits())).limits == DEFAULTS


def test_an_evaluation_has_defaults_of_its_own_for_its_time_within_the_ceilings() -> None:
    request = EvaluateRequest(suite=Suite(cases=[CHECK]))
    assert evaluation(request).limits == replace(DEFAULTS, wall_seconds=30, cpu_seconds=30)
    low = replace(BOUNDS, maximum_limits=replace(MAXIMA, wall_seconds=20, cpu_seconds=15))
    limits = validator(low).evaluation(request).limits
    assert (limits.wall_seconds, limits.cpu_seconds) == (20, 15)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 61.0])
def test_a_cases_time_out_of_range_is_refused(value: float) -> None:
    found = violation(EvaluateRequest(suite=Suite(cases=[CHECK]), case_seconds=value))
    assert found == Violation("case_seconds", f"is {value}; the allowed range is above 0 to 60")


def test_a_cases_time_left_out_is_the_default_or_the_whole_when_that_is_less() -> None:
    suite = Suite(cases=[CHECK])
    assert evaluation(EvaluateRequest(suite=suite)).case_seconds == 3
    assert evaluation(EvaluateRequest(suite=suite, limits=WireLimits(wall_seconds=2))).case_seconds == 2
    assert evaluation(EvaluateRequest(suite=suite, case_seconds=20)).case_seconds == 20


def test_all_that_is_wrong_is_told_at_once() -> None:
    request = ExecuteRequest(
        request_id="x" * 129,
        isolation=ISOLATION_PATH_WARM,
        limits=WireLimits(wall_seconds=0, processes=0),
        program=Program(runtime="perl", files={"/etc/passwd": b""}),
        collect=[".."],
    )
    fields = [found.field for found in violations(request)]
    assert fields == [
        "request_id",
        "limits.wall_seconds",
        "limits.processes",
        "program.runtime",
        "program.files",
        "isolation",
        "collect[0]",
    ]


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../b", "./a", "a/.", "a\0b"),
        *("a" * 256, "ä" * 128, "/".join("a" * 33), "/".join(["a" * 100] * 11)),
    ],
    ids=lambda path: ascii(path[:20]),
)
def test_a_path_that_is_not_one_inside_the_workspace_is_refused(path: str) -> None:
    assert {found.field for found in violations(with_files(path))} == {"program.files"}
    assert violation(ExecuteRequest(collect=["fine", path])).field == "collect[1]"


@pytest.mark.parametrize("path", ["a", "a/b", ".hidden", "...", "a b", "ä", "a\nb", "-", "a" * 255, "/".join("a" * 32)])
def test_any_other_path_is_taken(path: str) -> None:
    assert execution(with_files(path)).program.files == {path: b""}
    assert execution(ExecuteRequest(collect=[path])).collect == (path,)


@pytest.mark.parametrize("path", ["main.py", "main.py/x", "main.py/x/y"])
def test_the_programs_own_name_is_reserved(path: str) -> None:
    assert "main.py" in violation(with_files(path)).description


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b/c", "a"), ("a/b/c", "a/b")])
def test_a_file_can_not_be_a_folder_too(paths: tuple[str, ...]) -> None:
    found = violation(with_files(*paths))
    assert found.field == "program.files"
    assert repr(min(paths, key=len)) in found.description


def test_files_must_fit_the_disk_the_program_gets() -> None:
    program = Program(source=b"x" * 400, files={"a": b"x" * 600})
    assert execution(ExecuteRequest(program=program)).program.source == program.source
    found = violation(ExecuteRequest(program=program, limits=WireLimits(disk_bytes=999)))
    assert found.field == "program.files"
    assert "1000" in found.description and "999" in found.description


@pytest.mark.parametrize("env", [{"": "x"}, {"a=b": "x"}, {"a": "x\0"}, {"a\0": "x"}, {"a": "x" * (128 << 10)}])
def test_an_environment_that_no_process_could_have_is_refused(env: dict[str, str]) -> None:
    assert violation(ExecuteRequest(program=Program(env=env))).field == "program.env"


@pytest.mark.parametrize("args", [["a\0b"], ["x"] * 1001, ["x" * (128 << 10), "x"]], ids=["null", "many", "long"])
def test_arguments_that_no_process_could_have_are_refused(args: list[str]) -> None:
    assert violation(ExecuteRequest(program=Program(args=args))).field == "program.args"


def test_a_runtime_is_one_that_the_server_offers() -> None:
    assert execution(ExecuteRequest()).program.runtime == "python"
    assert execution(ExecuteRequest(program=Program(runtime="numpy"))).program.runtime == "numpy"
    found = violation(ExecuteRequest(program=Program(runtime="perl")))
    assert found == Violation("program.runtime", "is 'perl'; this server offers python, numpy, odd")


@pytest.mark.parametrize(
    ("program", "chosen"),
    [
        (Program(), IsolationPath.WARM),
        (Program(hash_seed=1), IsolationPath.COLD),
        (Program(runtime="odd"), IsolationPath.COLD),
    ],
)
def test_left_out_isolation_is_warm_where_the_program_can_be(program: Program, chosen: IsolationPath) -> None:
    assert execution(ExecuteRequest(program=program)).isolation is chosen
    assert evaluation(EvaluateRequest(program=program, suite=Suite(cases=[CHECK]))).isolation is chosen


def test_isolation_is_what_was_asked_for() -> None:
    assert execution(ExecuteRequest(isolation=ISOLATION_PATH_COLD)).isolation is IsolationPath.COLD
    assert execution(ExecuteRequest(isolation=ISOLATION_PATH_WARM)).isolation is IsolationPath.WARM


@pytest.mark.parametrize("program", [Program(hash_seed=1), Program(runtime="odd")])
def test_warm_isolation_that_the_program_can_not_have_is_refused(program: Program) -> None:
    found = violation(ExecuteRequest(program=program, isolation=ISOLATION_PATH_WARM))
    assert found.field == "isolation"
    assert "hash_seed 0" in found.description


def test_a_program_is_passed_on_as_it_came() -> None:
    given_program = Program(
        source=b"\xff", files={"f": b"\x00"}, args=["a", ""], stdin=b"in", env={"A": "=", "B": ""}, hash_seed=2**32 - 1
    )
    job = execution(ExecuteRequest(program=given_program, isolation=ISOLATION_PATH_COLD, collect=["out/*", "**/x"]))
    program = job.program
    assert (program.source, program.stdin, program.args) == (b"\xff", b"in", ("a", ""))
    assert (program.files, program.env, program.hash_seed) == ({"f": b"\x00"}, {"A": "=", "B": ""}, 2**32 - 1)
    assert job.collect == ("out/*", "**/x")
    assert job.part is None


def _text_bytes(found: tuple[Violation, ...]) -> int:
    return sum(len(each.field.encode()) + len(each.description.encode()) for each in found)


@pytest.mark.parametrize(
    "program",
    [
        Program(runtime="x" * 100_000),
        Program(env={"=" * 100_000: ""}),
        Program(files={"/" + "x" * 100_000: b""}),
        Program(files={"x" * 100_000: b"", "x" * 100_000 + "/y": b""}),
    ],
    ids=["runtime", "env", "path", "parent"],
)
def test_what_is_wrong_is_told_in_few_words_however_long_the_value(program: Program) -> None:
    assert _text_bytes(violations(ExecuteRequest(program=program))) < MAXIMUM_TEXT


@pytest.mark.parametrize(
    "request_",
    [
        ExecuteRequest(collect=["/"] * 10_000),
        with_files(*(f"/{number}" for number in range(2_000))),
        EvaluateRequest(suite=Suite(cases=[Case()] * 10_000)),
    ],
    ids=["collect", "files", "cases"],
)
def test_what_is_wrong_is_told_in_few_words_however_often_it_is_wrong(
    request_: ExecuteRequest | EvaluateRequest,
) -> None:
    assert _text_bytes(violations(request_)) < MAXIMUM_TEXT


def test_a_path_of_very_many_folders_takes_little_memory_to_refuse() -> None:
    request = with_files("a/" * 5_000)
    tracemalloc.start()
    try:
        violations(request)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["a", "a/b", "../a", "/", "main.py", "python", "numpy", "f", "x" * 300]
)
_wire_values = st.binary(max_size=20) | st.sampled_from([(1, 2), {"k": 1}, [1.5], None]).map(values.encode)
_scalars: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_DOUBLE: st.floats() | st.sampled_from([1.0, 60.0]),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1) | st.integers(0, 2000),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1) | st.integers(0, 20),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_BYTES: _wire_values,
    FieldDescriptor.TYPE_ENUM: st.integers(0, 4) | st.integers(-(2**31), 2**31 - 1),
}


def _messages(kind: Descriptor) -> st.SearchStrategy[dict[str, Any]]:
    """The fields of any message of a kind, each set or not."""
    chosen: dict[str, st.SearchStrategy[Any]] = {}
    for field in kind.fields:
        nested = field.message_type
        if nested is None:
            single = _scalars[field.type]
        elif nested.GetOptions().map_entry:
            chosen[field.name] = st.dictionaries(_text, _scalars[nested.fields_by_name["value"].type], max_size=3)
            continue
        else:
            single = _messages(nested)
        chosen[field.name] = st.lists(single, max_size=3) if field.is_repeated else single
    return st.fixed_dictionaries({}, optional=chosen)


def _answers(check: Any, request: Message) -> object:
    try:
        return check(request)
    except InvalidRequestError as error:
        assert all(found.field and found.description for found in error.violations)
        return None
    except UnknownSuiteError:
        assert request.WhichOneof("task") == "suite_id"
        return None


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(_messages(ExecuteRequest.DESCRIPTOR))
def test_any_request_to_execute_is_a_job_or_told_what_is_wrong(fields: dict[str, Any]) -> None:
    job = _answers(execution, ExecuteRequest(**fields))
    assert job is None or isinstance(job, Job)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(_messages(EvaluateRequest.DESCRIPTOR))
def test_any_request_to_evaluate_is_a_job_or_told_what_is_wrong(fields: dict[str, Any]) -> None:
    job = _answers(evaluation, EvaluateRequest(**fields))
    assert job is None or isinstance(job, EvaluationJob)
    if job is not None:
        assert job.suite.cases
