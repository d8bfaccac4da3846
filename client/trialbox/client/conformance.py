"""What every kind of sandbox must do: the fake, the embedded and the remote alike.

Each of `CASES` is a function that takes a sandbox and raises AssertionError where it doesn't hold:

    for case in conformance.CASES:
        case(box)

A FakeSandbox runs nothing, so it is given this suite's own script: `FakeSandbox(conformance.answer)`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from trialbox.client._errors import InvalidRequestError, SandboxError
from trialbox.client._fake import Answer, FakeCall, FakeSandbox
from trialbox.client._requests import Call, Check, Limits, Program, Stdio, Suite
from trialbox.client._results import CaseResult, Evaluation, Execution, Outcome, ProgramException, Verdict
from trialbox.client._sandbox import Sandbox

Box = Sandbox | FakeSandbox
Case = Callable[[Box], None]

_SOME_LIMITS: Final = Limits(wall_seconds=10, memory_bytes=256 * 1024 * 1024)
_SUITE: Final = Suite(
    [
        Call("add", (1, 2), expected=3, name="call"),
        Check("assert add(0, 0) == 0", name="check"),
        Stdio(stdin="1 2", expected="3\n", name="stdio"),
    ]
)
# What a true sandbox says to each of the suite's programs, for the fake.
_script: dict[str | bytes, Answer | Callable[[FakeCall], Answer]] = {}


def answer(call: FakeCall) -> Answer:
    """Answer a call of this suite as a true sandbox would; the script of a FakeSandbox."""
    said = _script[call.program.source]
    return said(call) if callable(said) else said


def _text(given: str | bytes) -> str:
    return given if isinstance(given, str) else given.decode()


def _verdicts(*verdicts: Verdict) -> Evaluation:
    why = {Verdict.PASSED: ""}
    return Evaluation(cases=tuple(CaseResult(verdict=it, message=why.get(it, "as scripted")) for it in verdicts))


def output_comes_back_as_bytes(box: Box) -> None:
    """Standard output and standard error are apart, and need not be text."""
    execution = box.run(_RAW_BYTES)
    assert execution.outcome is Outcome.SUCCEEDED
    assert (execution.exit_code, execution.signal, execution.exception) == (0, None, None)
    assert (execution.stdout, execution.stderr) == (b"\xff\x00", b"\xfe")
    assert not execution.stdout_truncated
    assert not execution.stderr_truncated


_RAW_BYTES: Final = "import sys; sys.stdout.buffer.write(b'\\xff\\x00'); sys.stderr.buffer.write(b'\\xfe')"
_script[_RAW_BYTES] = Execution(outcome=Outcome.SUCCEEDED, exit_code=0, stdout=b"\xff\x00", stderr=b"\xfe")


def a_program_sees_what_it_was_given(box: Box) -> None:
    """Arguments, standard input, files, environment and the hash seed arrive, and text may be bytes or str."""
    seen = b"['a', 'b c'] input content value 7\n"
    given = Program(_ECHO, {"sub/in.txt": "content"}, ["a", "b c"], "input", {"NAME": "value"}, hash_seed=7)
    assert box.run(given).stdout == seen
    override = box.run(
        _ECHO.encode(),
        files={"sub/in.txt": b"content"},
        args=("a", "b c"),
        stdin=b"input",
        env={"NAME": "value"},
        hash_seed=7,
    )
    assert override.stdout == seen


_ECHO: Final = (
    "import os, sys\n"
    "print(sys.argv[1:], sys.stdin.read(), open('sub/in.txt').read(), os.environ['NAME'], os.environ['PYTHONHASHSEED'])"
)
_script[_ECHO] = _script[_ECHO.encode()] = lambda call: Execution(
    outcome=Outcome.SUCCEEDED,
    exit_code=0,
    stdout=(
        f"{list(call.program.args)} {_text(call.program.stdin)} {_text(call.program.files['sub/in.txt'])} "
        f"{call.program.env['NAME']} {call.program.hash_seed}\n"
    ).encode(),
)


def an_exit_status_is_told(box: Box) -> None:
    """Any exit status but 0 is FAILED."""
    execution = box.run(_EXITS)
    assert (execution.outcome, execution.exit_code, execution.signal) == (Outcome.FAILED, 3, None)


_EXITS: Final = "raise SystemExit(3)"
_script[_EXITS] = Execution(outcome=Outcome.FAILED, exit_code=3)


def an_uncaught_exception_is_told(box: Box) -> None:
    """Its type, message and line come back, and the traceback is on standard error."""
    execution = box.run(_RAISES)
    assert (execution.outcome, execution.exit_code) == (Outcome.FAILED, 1)
    assert execution.exception == ProgramException(type="ValueError", message="no", line=2)
    assert b'File "/work/main.py", line 2' in execution.stderr


_RAISES: Final = "\nraise ValueError('no')"
_script[_RAISES] = Execution(
    outcome=Outcome.FAILED,
    exit_code=1,
    stderr=b'Traceback (most recent call last):\n  File "/work/main.py", line 2, in <module>\nValueError: no\n',
    exception=ProgramException(type="ValueError", message="no", line=2),
)


def a_signal_is_told(box: Box) -> None:
    """A program that a signal of its own ended is SIGNALED."""
    execution = box.run(_KILLS_ITSELF)
    assert (execution.outcome, execution.exit_code, execution.signal) == (Outcome.SIGNALED, None, 9)


_KILLS_ITSELF: Final = "import os; os.kill(os.getpid(), 9)"
_script[_KILLS_ITSELF] = Execution(outcome=Outcome.SIGNALED, signal=9)


def a_limit_is_told_by_its_name(box: Box) -> None:
    """Each limit that ends a program has its outcome, and what was printed before survives."""
    for source, limits, outcome in _LIMITED:
        execution = box.run(source, limits=limits)
        assert execution.outcome is outcome, f"{execution.outcome} for {source}"
        assert execution.exit_code is None
        assert execution.stdout.startswith(b"begun\n")
        assert execution.stdout_truncated is (outcome is Outcome.OUTPUT_EXCEEDED)


_BEGIN: Final = "print('begun', flush=True)\n"
_LIMITED: Final = (
    (_BEGIN + "import time; time.sleep(60)", Limits(wall_seconds=0.2), Outcome.WALL_TIME_EXCEEDED),
    (_BEGIN + "while True: pass", Limits(cpu_seconds=0.2), Outcome.CPU_TIME_EXCEEDED),
    (_BEGIN + "b = [bytearray(2**20) for _ in range(999)]", Limits(memory_bytes=2**26), Outcome.MEMORY_EXCEEDED),
    (_BEGIN + "while True: print('x' * 99)", Limits(output_bytes=1000), Outcome.OUTPUT_EXCEEDED),
)
for _source, _, _outcome in _LIMITED:
    _script[_source] = Execution(
        outcome=_outcome, signal=9, stdout=b"begun\n", stdout_truncated=_outcome is Outcome.OUTPUT_EXCEEDED
    )


def files_are_collected_by_pattern(box: Box) -> None:
    """What matches comes back by its path; the rest stays behind."""
    execution = box.run(_WRITES, collect=("out/*.bin",))
    assert execution.files == {"out/a.bin": b"\x00a", "out/b.bin": b""}
    assert execution.skipped_files == ()


_WRITES: Final = (
    "import pathlib; p = pathlib.Path('out'); p.mkdir()\n"
    "(p / 'a.bin').write_bytes(b'\\0a'); (p / 'b.bin').touch(); (p / 'c.txt').touch()"
)
_script[_WRITES] = Execution(outcome=Outcome.SUCCEEDED, exit_code=0, files={"out/a.bin": b"\x00a", "out/b.bin": b""})


def every_request_has_a_name_of_its_own(box: Box) -> None:
    """An execution tells the id that its request went by."""
    first, second = box.run(_EXITS), box.run(_EXITS)
    assert first.request_id
    assert second.request_id not in ("", first.request_id)


def what_cannot_be_served_is_refused_by_field(box: Box) -> None:
    """The error names the field, and says that trying again is of no use."""
    for program, limits, field in _REFUSED:
        error = _refusal(partial(box.run, program, limits=limits))
        assert [violation.field for violation in error.violations] == [field]
        assert field in str(error)


_REFUSED: Final = (
    (Program("# a limit of nothing"), Limits(wall_seconds=0), "limits.wall_seconds"),
    (Program("# a limit below nothing"), Limits(cpu_seconds=-1), "limits.cpu_seconds"),
    (Program("# a limit that is no number"), Limits(wall_seconds=float("nan")), "limits.wall_seconds"),
    (Program("# an endless limit"), Limits(wall_seconds=float("inf")), "limits.wall_seconds"),
    (Program("# more memory than there is"), Limits(memory_bytes=2**60), "limits.memory_bytes"),
    (Program("# processes below nothing"), Limits(processes=-1), "limits.processes"),
    (Program("# a path to the outside", {"../x": b""}), Limits(), "program.files"),
    (Program("# no such runtime", runtime="cobol"), Limits(), "program.runtime"),
)
for _program, _, _field in _REFUSED:
    _script[_program.source] = InvalidRequestError.of_field(_field, "as scripted")


def a_right_program_passes(box: Box) -> None:
    """Every kind of case passes, in the suite's order."""
    evaluation = box.evaluate(_RIGHT, _SUITE, limits=_SOME_LIMITS)
    assert [case.verdict for case in evaluation.cases] == [Verdict.PASSED] * 3, evaluation.cases
    assert evaluation.passed
    assert evaluation.request_id


_MAIN: Final = "\nif __name__ == '__main__':\n    print(add(*map(int, input().split())))"
_RIGHT: Final = "def add(a, b): return a + b" + _MAIN
_script[_RIGHT] = _verdicts(*[Verdict.PASSED] * 3)


def a_wrong_program_fails_with_both_values(box: Box) -> None:
    """FAILED tells what was expected and what came."""
    evaluation = box.evaluate(_WRONG, Suite([*_SUITE.cases, Call("add", (2, 2), expected=4)]))
    call, check, stdio, right = evaluation.cases
    assert (call.verdict, call.expected, call.actual) == (Verdict.FAILED, "3", "2")
    assert (check.verdict, right.verdict) == (Verdict.PASSED, Verdict.PASSED)
    assert stdio.verdict is Verdict.FAILED
    assert not evaluation.passed


_WRONG: Final = "def add(a, b): return a * b" + _MAIN
_script[_WRONG] = Evaluation(
    cases=(
        CaseResult(verdict=Verdict.FAILED, expected="3", actual="2"),
        CaseResult(verdict=Verdict.PASSED),
        CaseResult(verdict=Verdict.FAILED),
        CaseResult(verdict=Verdict.PASSED),
    )
)


def a_case_that_hangs_or_dies_takes_no_other_with_it(box: Box) -> None:
    """Each case gets its own verdict, before and after the one that went wrong."""
    suite = Suite([Call("f", (kind,), expected=kind) for kind in ("ok", "raise", "ok", "hang", "exit", "ok")])
    evaluation = box.evaluate(_MIXED, suite, case_seconds=0.5)
    assert [case.verdict for case in evaluation.cases] == list(_MIXED_VERDICTS), evaluation.cases
    assert all(case.message for case in evaluation.cases if case.verdict is not Verdict.PASSED)


_MIXED: Final = (
    "import os\n"
    "def f(kind):\n"
    "    if kind == 'raise': raise KeyError(kind)\n"
    "    if kind == 'exit': os._exit(0)\n"
    "    while kind == 'hang': pass\n"
    "    return kind"
)
_MIXED_VERDICTS: Final = (
    Verdict.PASSED,
    Verdict.ERROR,
    Verdict.PASSED,
    Verdict.TIMED_OUT,
    Verdict.ERROR,
    Verdict.PASSED,
)
_script[_MIXED] = _verdicts(*_MIXED_VERDICTS)


def leaving_early_is_no_pass(box: Box) -> None:
    """A program that exits with status 0 before any case was judged has passed none."""
    evaluation = box.evaluate(_LEAVES, Suite(_SUITE.cases[:2]))
    assert not evaluation.passed
    assert Verdict.PASSED not in [case.verdict for case in evaluation.cases]


_LEAVES: Final = "raise SystemExit(0)"
_script[_LEAVES] = _verdicts(Verdict.ERROR, Verdict.ERROR)


def floats_are_compared_by_the_tolerance_given(box: Box) -> None:
    """Exactly where none is given."""
    suite = Suite([Call("f", expected=[0.3]), Call("f", expected=[0.3], relative_tolerance=1e-9)])
    evaluation = box.evaluate(_FLOATS, suite)
    assert [case.verdict for case in evaluation.cases] == [Verdict.FAILED, Verdict.PASSED]


_FLOATS: Final = "def f(): return [0.1 + 0.2]"
_script[_FLOATS] = _verdicts(Verdict.FAILED, Verdict.PASSED)


def a_suite_without_cases_is_refused(box: Box) -> None:
    """There is nothing that a program could pass."""
    error = _refusal(lambda: box.evaluate(_NO_CASES, Suite([])))
    assert [violation.field for violation in error.violations] == ["suite.cases"]


_NO_CASES: Final = "# graded by nothing"
_script[_NO_CASES] = InvalidRequestError.of_field("suite.cases", "as scripted")


def a_value_that_cannot_be_sent_is_refused(box: Box) -> None:
    """The error names the case and the type."""
    suite = Suite([_SUITE.cases[0], Call("add", expected=box, name="the odd one")])
    error = _refusal(lambda: box.evaluate(_RIGHT, suite))
    assert [violation.field for violation in error.violations] == ["suite.cases[1].call.expected"]
    assert "the odd one" in str(error)
    assert type(box).__name__ in str(error)


def many_programs_are_each_answered_once(box: Box) -> None:
    """The index says which program an execution belongs to."""
    executions = list(box.run_many(_COUNT, in_flight=8))
    assert sorted(execution.index or 0 for execution in executions) == list(range(16))
    assert all(execution.stdout == b"%d\n" % (execution.index or 0) for execution in executions)
    assert len({execution.request_id for execution in executions}) == 16


def many_answers_keep_the_order_asked_for(box: Box) -> None:
    """Also where an earlier program takes longer, and where nothing is given at all."""
    executions = box.run_many([_SLOW, *_COUNT[1:10]], ordered=True, in_flight=4)
    assert [execution.stdout for execution in executions] == [b"%d\n" % number for number in range(10)]
    assert list(box.run_many([])) == []


_COUNT: Final = tuple(f"print({number})" for number in range(16))
_SLOW: Final = "import time; time.sleep(0.3); print(0)"
for _number, _source in [*enumerate(_COUNT), (0, _SLOW)]:
    _script[_source] = Execution(outcome=Outcome.SUCCEEDED, exit_code=0, stdout=b"%d\n" % _number)


def the_input_of_many_is_read_no_further_than_needed(box: Box) -> None:
    """No more than `in_flight` beyond what was handed out."""
    read = 0

    def programs() -> Iterator[str]:
        nonlocal read
        for source in _COUNT:
            read += 1
            yield source

    for handed_out, _ in enumerate(box.run_many(programs(), in_flight=3)):
        assert read <= handed_out + 3


def one_bad_item_of_many_can_be_passed_over(box: Box) -> None:
    """`on_error` is told which it was; without it, the error is raised."""
    errors: list[SandboxError] = []
    programs: list[str | Program] = [_COUNT[0], _REFUSED[-1][0], _COUNT[2]]
    executions = list(box.run_many(programs, on_error=errors.append, ordered=True))
    assert [execution.index for execution in executions] == [0, 2]
    assert [(type(error), error.index) for error in errors] == [(InvalidRequestError, 1)]
    assert _refusal(lambda: list(box.run_many(programs))).index == 1


def many_pairs_are_graded_each_on_its_suite(box: Box) -> None:
    """Verdicts belong to the pair that the index names."""
    pairs = [
        (_RIGHT, _SUITE),
        (_FLOATS, Suite([Call("f", expected=[0]), Call("f", expected=[0.1 + 0.2])])),
        (_RIGHT, _SUITE),
    ]
    evaluations = list(box.evaluate_many(pairs, ordered=True, case_seconds=5))
    assert [evaluation.index for evaluation in evaluations] == [0, 1, 2]
    assert [evaluation.passed for evaluation in evaluations] == [True, False, True]
    assert [len(evaluation.cases) for evaluation in evaluations] == [3, 2, 3]


def a_server_tells_what_it_is(box: Box) -> None:
    """At least its version."""
    assert box.server_info().version


CASES: Final[tuple[Case, ...]] = (
    output_comes_back_as_bytes,
    a_program_sees_what_it_was_given,
    an_exit_status_is_told,
    an_uncaught_exception_is_told,
    a_signal_is_told,
    a_limit_is_told_by_its_name,
    files_are_collected_by_pattern,
    every_request_has_a_name_of_its_own,
    what_cannot_be_served_is_refused_by_field,
    a_right_program_passes,
    a_wrong_program_fails_with_both_values,
    a_case_that_hangs_or_dies_takes_no_other_with_it,
    leaving_early_is_no_pass,
    floats_are_compared_by_the_tolerance_given,
    a_suite_without_cases_is_refused,
    a_value_that_cannot_be_sent_is_refused,
    many_programs_are_each_answered_once,
    many_answers_keep_the_order_asked_for,
    the_input_of_many_is_read_no_further_than_needed,
    one_bad_item_of_many_can_be_passed_over,
    many_pairs_are_graded_each_on_its_suite,
    a_server_tells_what_it_is,
)


def _refusal(call: Callable[[], object]) -> InvalidRequestError:
    try:
        call()
    except InvalidRequestError as error:
        assert not error.retryable
        assert error.reason == "INVALID_REQUEST"
        return error
    raise AssertionError("the request was not refused")
