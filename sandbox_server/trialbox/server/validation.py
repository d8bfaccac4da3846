"""From a request on the wire to the server's own values, or to what is wrong with it."""

import itertools
import math
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, replace

from trialbox.server.grading import Call, Case, Check, Comparison, EvaluationJob, Rule, Stdio, Suite
from trialbox.server.model import LIMIT_NAMES, IsolationPath, Job, Limits, Program
from trialbox.server.suites import OwnedSuites
from trialbox.v1 import MINIMUM_LIMITS, evaluation_pb2, execution_pb2, sandbox_service_pb2, values
from trialbox.v1.skimming import skim

_MAXIMUM_FILES = 1000
_MAXIMUM_PATH_BYTES = 1024
_MAXIMUM_NAME_BYTES = 255
_MAXIMUM_DEPTH = 32
_MAXIMUM_TEXTS = 1000
_MAXIMUM_TEXT_BYTES = 128 << 10
_MAXIMUM_VIOLATIONS = 16
# Sent twice, once with up to three bytes for each, in metadata of 8 KiB.
_VIOLATION_BYTES = 1500
_MAXIMUM_CASES = 10_000
_MAXIMUM_PATTERNS = 100
_MAXIMUM_PATTERN_BYTES = 32 << 10
MAXIMUM_REQUEST_ID_CHARACTERS = 128
_PROGRAM_FILES = ("main.py",)
_CANDIDATE_FILES = ("main.py", "candidate.py")

_RULES = {evaluation_pb2.Comparator.KIND_UNSPECIFIED: Rule.EQUAL} | {
    evaluation_pb2.Comparator.Kind.Value(f"KIND_{rule.name}"): rule for rule in Rule
}
_COMPARISONS = {
    evaluation_pb2.StdioCase.COMPARISON_UNSPECIFIED: Comparison.LINES,
    evaluation_pb2.StdioCase.COMPARISON_LINES: Comparison.LINES,
    evaluation_pb2.StdioCase.COMPARISON_BYTES: Comparison.BYTES,
    evaluation_pb2.StdioCase.COMPARISON_TOKENS: Comparison.TOKENS,
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request: the field, and a sentence with value and range."""

    field: str
    description: str


class InvalidRequestError(Exception):
    """The request can't be carried out as it stands."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in self.violations))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What this server allows."""

    default_limits: Limits
    maximum_limits: Limits
    default_case_seconds: float
    default_evaluation_seconds: float
    runtimes: tuple[str, ...]
    warm_runtimes: frozenset[str]
    default_runtime: str


class Validator:
    """Checks requests against the server's bounds; each method raises InvalidRequestError."""

    def __init__(self, bounds: Bounds, suites: OwnedSuites) -> None:
        self._bounds = bounds
        self._suites = suites

    def execution(self, request: sandbox_service_pb2.ExecuteRequest) -> Job:
        """Check a request to execute."""
        found = _Findings()
        self._common(request, found)
        limits = self._limits(request.limits, self._bounds.default_limits, found)
        program = self._program(request.program, limits, _PROGRAM_FILES, found)
        isolation = self._isolation(request.isolation, program, found)
        collect = self._collect(request.collect, found)
        found.raise_if_any()
        return Job(program=program, limits=limits, isolation=isolation, collect=collect)

    def evaluation(self, request: sandbox_service_pb2.EvaluateRequest) -> EvaluationJob:
        """Check a request to evaluate; raises UnknownSuiteError too."""
        found = _Findings()
        self._common(request, found)
        if request.limits.HasField("no_output_seconds"):
            value = request.limits.no_output_seconds
            found.add("limits.no_output_seconds", f"is {value}; an evaluation has no such limit, so leave it out")
        bounds = self._bounds
        defaults = replace(
            bounds.default_limits,
            no_output_seconds=None,
            wall_seconds=min(bounds.default_evaluation_seconds, bounds.maximum_limits.wall_seconds),
            cpu_seconds=min(bounds.default_evaluation_seconds, bounds.maximum_limits.cpu_seconds),
        )
        limits = self._limits(request.limits, defaults, found)
        program = self._program(request.program, limits, _CANDIDATE_FILES, found)
        isolation = self._isolation(request.isolation, program, found)
        case_seconds = min(bounds.default_case_seconds, limits.wall_seconds)
        if request.HasField("case_seconds"):
            case_seconds = request.case_seconds
            found.number("case_seconds", case_seconds, bounds.maximum_limits.wall_seconds)
        suite = self._suite(request, found)
        found.raise_if_any()
        return EvaluationJob(
            program=program,
            suite=suite,
            limits=limits,
            isolation=isolation,
            judge_isolation=(
                IsolationPath.WARM if program.runtime in self._bounds.warm_runtimes else IsolationPath.COLD
            ),
            case_seconds=case_seconds,
            forbid_shared=request.forbid_shared,
            fresh=request.fresh,
            coverage=request.coverage,
        )

    def _suite(self, request: sandbox_service_pb2.EvaluateRequest, found: "_Findings") -> Suite:
        """Check the request's suite, unless it was checked before."""
        if request.WhichOneof("task") == "suite_id":
            return self._suites.get(request.suite_id)
        given = request.suite
        found.count("suite.cases", given.cases, "cases", _MAXIMUM_CASES, least=1)
        found.count("suite.oracles", given.oracles, "oracles", _MAXIMUM_CASES)
        written = given.SerializeToString(deterministic=True)
        known = self._suites.find(written)
        if known is not None:
            return known
        cases = [self._case(f"suite.cases[{n}]", case, len(given.oracles), found) for n, case in enumerate(given.cases)]
        found.raise_if_any()
        return self._suites.add(
            written,
            Suite(
                cases=tuple(case for case in cases if case is not None),
                setup=given.setup,
                oracles=tuple(given.oracles),
            ),
        )

    def _collect(self, given: Sequence[str], found: "_Findings") -> tuple[str, ...]:
        found.count("collect", given, "patterns", _MAXIMUM_PATTERNS)
        patterns = tuple(given)
        total = sum(len(pattern.encode()) for pattern in patterns)
        found.check(
            total <= _MAXIMUM_PATTERN_BYTES,
            "collect",
            f"holds {total} bytes; the allowed range is 0 to {_MAXIMUM_PATTERN_BYTES}",
        )
        for number, pattern in enumerate(patterns):
            found.path(f"collect[{number}]", pattern)
        return patterns

    def _common(
        self,
        request: sandbox_service_pb2.ExecuteRequest | sandbox_service_pb2.EvaluateRequest,
        found: "_Findings",
    ) -> None:
        length = len(request.request_id)
        found.check(
            length <= MAXIMUM_REQUEST_ID_CHARACTERS,
            "request_id",
            f"is {length} characters long; the allowed range is 0 to {MAXIMUM_REQUEST_ID_CHARACTERS}",
        )

    def _isolation(
        self, given: execution_pb2.IsolationPath.ValueType, program: Program, found: "_Findings"
    ) -> IsolationPath:
        # The processes of a warm jail share its interpreter's hash seed.
        can_be_warm = program.runtime in self._bounds.warm_runtimes and program.hash_seed == 0
        if given == execution_pb2.ISOLATION_PATH_COLD:
            return IsolationPath.COLD
        if given == execution_pb2.ISOLATION_PATH_WARM:
            found.check(
                can_be_warm,
                "isolation",
                f"is WARM; with runtime {program.runtime[:80]!r} and hash_seed {program.hash_seed} only COLD is "
                f"allowed (WARM: runtimes {', '.join(sorted(self._bounds.warm_runtimes)) or 'none'} with hash_seed 0)",
            )
        elif given != execution_pb2.ISOLATION_PATH_UNSPECIFIED:
            found.add("isolation", f"is {given}; WARM and COLD are allowed")
        return IsolationPath.WARM if can_be_warm else IsolationPath.COLD

    def _limits(self, given: execution_pb2.Limits, defaults: Limits, found: "_Findings") -> Limits:
        if not given.ByteSize():
            return defaults
        chosen = {}
        for name in LIMIT_NAMES:
            if given.HasField(name):  # type: ignore[arg-type]  # the stub wants a literal
                chosen[name] = getattr(given, name)
                maximum = getattr(self._bounds.maximum_limits, name)
                found.number(f"limits.{name}", chosen[name], maximum, minimum=MINIMUM_LIMITS.get(name))
        return replace(defaults, **chosen)

    def _program(
        self, given: execution_pb2.Program, limits: Limits, reserved: tuple[str, ...], found: "_Findings"
    ) -> Program:
        found.count("program.files", given.files, "files", _MAXIMUM_FILES)
        found.count("program.args", given.args, "entries", _MAXIMUM_TEXTS)
        found.count("program.env", given.env, "entries", _MAXIMUM_TEXTS)
        # Each read of a message's field costs, and so does each sentence that nobody will read.
        source, files, args, env = given.source, dict(given.files), tuple(given.args), dict(given.env)
        runtime = given.runtime or self._bounds.default_runtime
        if runtime not in self._bounds.runtimes:
            offered = ", ".join(self._bounds.runtimes)
            found.add("program.runtime", f"is {runtime[:80]!r}; this server offers {offered}")
        self._files(files, reserved, found)
        total = len(source) + sum(map(len, files.values()))
        if total > limits.disk_bytes:
            found.add(
                "program.files",
                f"hold {total} bytes with the source; the allowed range is 0 to limits.disk_bytes, {limits.disk_bytes}",
            )
        found.texts("program.args", args)
        found.texts("program.env", [f"{name}={value}" for name, value in env.items()])
        for name in env:
            found.check(name != "" and "=" not in name, "program.env", f"{name[:80]!r} can't be a variable's name")
        return Program(
            source=source,
            files=files,
            args=args,
            stdin=given.stdin,
            env=env,
            runtime=runtime,
            hash_seed=given.hash_seed,
        )

    def _files(self, files: dict[str, bytes], reserved: tuple[str, ...], found: "_Findings") -> None:
        for path in files:
            if not found.path("program.files", path):
                continue
            for name in itertools.accumulate(path.split("/"), "{}/{}".format):
                found.check(name not in reserved, "program.files", f"{name!r} is the program's own name")
                found.check(
                    name == path or name not in files,
                    "program.files",
                    f"{name[:80]!r} is a file and a folder of {path[:80]!r}",
                )

    def _case(self, field: str, given: evaluation_pb2.Case, oracles: int, found: "_Findings") -> Case | None:
        kind = given.WhichOneof("kind")
        if kind == "check":
            return Check(source=given.check.source, shared=given.shared)
        if kind == "stdio":
            comparison = _COMPARISONS.get(given.stdio.comparison)
            if comparison is None:
                found.add(
                    f"{field}.stdio.comparison", f"is {given.stdio.comparison}; LINES, BYTES and TOKENS are allowed"
                )
                return None
            return Stdio(stdin=given.stdio.stdin, expected=given.stdio.expected, comparison=comparison)
        if kind == "call":
            return self._call(f"{field}.call", given.call, given.shared, oracles, found)
        found.add(field, "has no kind; one of call, check, stdio is allowed")
        return None

    def _call(self, field: str, given: evaluation_pb2.CallCase, shared: bool, oracles: int, found: "_Findings") -> Call:
        found.check(
            given.entry_point.isidentifier(),
            f"{field}.entry_point",
            f"is {given.entry_point[:80]!r}; a Python name is allowed",
        )
        found.value(f"{field}.arguments", given.arguments, tuple)
        if given.keyword_arguments:
            found.value(f"{field}.keyword_arguments", given.keyword_arguments, dict, keys=str)
        oracle = None
        if given.WhichOneof("wanted") == "oracle":
            oracle = given.oracle
            found.check(
                oracle < oracles,
                f"{field}.oracle",
                f"is {oracle}; the suite has {oracles} oracles, counted from 0",
            )
            found.check(not shared, f"{field}.oracle", "is set; a shared case takes an expected value")
        else:
            found.value(f"{field}.expected", given.expected, object)
        rule = _RULES.get(given.comparator.kind)
        if rule is None:
            names = ", ".join(rule.name for rule in Rule)
            found.add(f"{field}.comparator.kind", f"is {given.comparator.kind}; {names} are allowed")
        relative, absolute = given.comparator.relative_tolerance, given.comparator.absolute_tolerance
        for name, tolerance in (("relative_tolerance", relative), ("absolute_tolerance", absolute)):
            found.check(
                0 <= tolerance < math.inf,
                f"{field}.comparator.{name}",
                f"is {tolerance}; a finite number from 0 is allowed",
            )
        return Call(
            entry_point=given.entry_point,
            arguments=given.arguments,
            keyword_arguments=given.keyword_arguments,
            expected=given.expected if oracle is None else None,
            oracle=oracle,
            rule=rule or Rule.EQUAL,
            relative_tolerance=relative,
            absolute_tolerance=absolute,
            shared=shared,
        )


class _Findings:
    """Collects what is wrong, so that a caller hears of all of it at once."""

    def __init__(self) -> None:
        self._violations: list[Violation] = []

    def add(self, field: str, description: str) -> None:
        # All of it must fit into the metadata of a response.
        told = sum(len(v.field.encode()) + len(v.description.encode()) for v in self._violations)
        new = len(field.encode()) + len(description.encode())
        if not self._violations or (len(self._violations) < _MAXIMUM_VIOLATIONS and told + new < _VIOLATION_BYTES):
            self._violations.append(Violation(field, description))

    def check(self, holds: bool, field: str, description: str) -> None:
        if not holds:
            self.add(field, description)

    def count(self, field: str, given: Sized, kind: str, most: int, *, least: int = 0) -> None:
        """Check how many there are; where it is wrong none is looked at, and no other fault told."""
        if not least <= len(given) <= most:
            self.add(field, f"holds {len(given)} {kind}; the allowed range is {least} to {most}")
            self.raise_if_any()

    def number(self, field: str, value: float, maximum: float, *, minimum: int | None = None) -> None:
        """Check that it is at least `minimum`, or where there is none above 0, and at most `maximum`."""
        # A NaN fails every comparison.
        holds = (value > 0 if minimum is None else minimum <= value) and value <= maximum
        least = "above 0" if minimum is None else minimum
        self.check(holds, field, f"is {value}; the allowed range is {least} to {maximum}")

    def path(self, field: str, path: str) -> bool:
        encoded = path.encode()
        parts = path.split("/")
        if not path or path.startswith("/") or "\0" in path or any(part in ("", ".", "..") for part in parts):
            self.add(field, f"{path[:80]!r} is not a relative path inside the workspace")
            return False
        if (
            len(encoded) > _MAXIMUM_PATH_BYTES
            or len(parts) > _MAXIMUM_DEPTH
            or any(len(part.encode()) > _MAXIMUM_NAME_BYTES for part in parts)
        ):
            self.add(
                field,
                f"{path[:80]!r} is too long; allowed are {_MAXIMUM_PATH_BYTES} bytes, {_MAXIMUM_DEPTH} folders "
                f"and {_MAXIMUM_NAME_BYTES} bytes a name",
            )
            return False
        return True

    def texts(self, field: str, texts: Iterable[str]) -> None:
        listed = list(texts)
        if not listed:
            return
        total = sum(len(text.encode()) for text in listed)
        self.check(
            total <= _MAXIMUM_TEXT_BYTES,
            field,
            f"holds {total} bytes; the allowed range is 0 to {_MAXIMUM_TEXT_BYTES}",
        )
        self.check(not any("\0" in text for text in listed), field, "holds a null character")

    def value(self, field: str, encoded: bytes, kind: type, *, keys: type = object) -> None:
        try:
            found = skim(encoded, keys=keys)
        except values.ValueEncodingError as error:
            self.add(field, f"is not in the value encoding: {error}")
        else:
            self.check(issubclass(found, kind), field, f"is a {found.__name__}; a {kind.__name__} is allowed")

    def raise_if_any(self) -> None:
        if self._violations:
            raise InvalidRequestError(self._violations)
