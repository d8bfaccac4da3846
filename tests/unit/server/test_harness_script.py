"""The harness judges values in the program's own process, so hostile values must not upset it."""

import importlib
import math

import pytest

from trialbox.server.grading import Rule
from trialbox.v1 import values

briefs, harness, program = (
    importlib.import_module(f"trialbox.server.guest.{name}") for name in ("briefs", "harness", "program")
)


def _raised_in(filename: str, code: str) -> BaseException:
    try:
        exec(compile(code, filename, "exec"), {})
    except BaseException as error:
        return error
    raise AssertionError("the code was to raise")


def test_a_failed_assertion_of_the_test_code_is_a_wrong_value() -> None:
    error = _raised_in("<case 1>", "assert 1 == 2")
    assert harness._verdict_of(error, b"check") == b"FAILED"


def test_a_failed_assertion_of_the_program_is_an_error() -> None:
    error = _raised_in(program.PATH, "assert 1 == 2")
    assert harness._verdict_of(error, b"check") == b"ERROR"
    assert program.told(error) == (b"AssertionError", b"", b"1")


def test_a_failed_assertion_in_a_call_is_an_error() -> None:
    assert harness._verdict_of(AssertionError(), b"call") == b"ERROR"


@pytest.mark.parametrize("kind", [b"call", b"check"])
def test_want_of_memory_has_a_verdict_of_its_own_and_all_else_is_an_error(kind: bytes) -> None:
    assert harness._verdict_of(MemoryError(), kind) == b"OUT_OF_MEMORY"
    for error in (ValueError(), SystemExit(0), KeyboardInterrupt(), GeneratorExit(), RecursionError()):
        assert harness._verdict_of(error, kind) == b"ERROR"


class _Text(str):
    """A string that lies about itself."""

    def __len__(self) -> int:
        return 0

    def encode(self, encoding: str = "", errors: str = "") -> bytes:
        raise SystemExit(0)


class _Shown:
    """What its repr does is up to the test."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def __repr__(self) -> str:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer  # type: ignore[return-value]  # on purpose


@pytest.mark.parametrize(
    "answer",
    [ValueError("x"), SystemExit(0), KeyboardInterrupt(), RecursionError(), MemoryError(), 5, None, b"x", _Text("x")],
    ids=repr,
)
def test_a_hostile_repr_is_told_of_and_does_no_harm(answer: object) -> None:
    told = harness._brief(_Shown(answer))
    assert type(told) is bytes
    assert b"_Shown" in told or told == b"x"


@pytest.mark.parametrize("answer", ["x" * 10_000_000, "\ud800" * 10_000, "\U0001f600" * 10_000, "\0\n:" * 10_000])
def test_a_long_repr_is_shortened_and_always_utf_8(answer: str) -> None:
    told = harness._brief(_Shown(answer))
    assert len(told) <= 10 * briefs.LIMIT
    assert told.decode().endswith("…")


def test_an_integer_of_too_many_digits_is_told_of() -> None:
    assert harness._brief(10**5000) == b"(int whose repr raises ValueError)"


def test_a_collection_that_holds_itself_has_a_repr() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert harness._brief(loop) == b"[[...]]"


def test_an_exception_whose_text_can_not_be_read_is_described_all_the_same() -> None:
    class Unreadable(Exception):
        def __str__(self) -> str:
            raise SystemExit(0)

    assert program.told(Unreadable()) == (b"Unreadable", b"(its message can't be read)", b"0")


def test_a_syntax_error_is_described_with_its_own_line() -> None:
    error = _raised_in("<case 1>", "x = 1\ny = = 2\n")
    assert program.told(error)[::2] == (b"SyntaxError", b"2")


def _called(
    answer: object, expected: object, rule: Rule = Rule.EQUAL, relative: float = 0.0, arguments: tuple[object, ...] = ()
) -> tuple[bytes, bytes, bytes]:
    """Verdict, answer and expected value, as the harness tells of a call."""
    fields = (b"f", values.encode(arguments), b"", values.encode(expected))
    tolerances = (repr(relative).encode(), b"0.0")
    told: tuple[bytes, bytes, bytes] = harness._call({"f": lambda *_: answer}, b"0", *fields, b"%d" % rule, *tolerances)
    return told


@pytest.mark.parametrize(
    ("answer", "expected", "rule", "relative", "verdict"),
    [
        (3, 3, Rule.EQUAL, 0.0, b"PASSED"),
        (4, 3, Rule.EQUAL, 0.0, b"FAILED"),
        (math.nan, math.nan, Rule.EQUAL, 0.0, b"PASSED"),
        (1.0000001, 1.0, Rule.EQUAL, 1e-6, b"PASSED"),
        (1.0000001, 1.0, Rule.EQUAL, 0.0, b"FAILED"),
        ([2, 1], [1, 2], Rule.UNORDERED, 0.0, b"PASSED"),
        ([2, 1], [1, 2], Rule.EVALPLUS, 0.0, b"FAILED"),
        (10**400, math.nan, Rule.EQUAL, 0.0, b"FAILED"),
    ],
)
def test_an_answer_is_compared_by_the_rule_of_its_case(
    answer: object, expected: object, rule: Rule, relative: float, verdict: bytes
) -> None:
    assert _called(answer, expected, rule, relative) == (verdict, repr(answer).encode(), repr(expected).encode())


def test_a_root_is_one_of_the_polynomial_that_was_given() -> None:
    assert _called(2, None, Rule.EVALPLUS_ROOT, arguments=([-4, 0, 1],))[0] == b"PASSED"


def test_a_call_of_what_is_no_function_says_so() -> None:
    for namespace in ({}, {"f": 5}):
        with pytest.raises(NameError, match="'f'"):
            harness._call(namespace, b"0", b"f", values.encode(()), b"", values.encode(1), b"1", b"0.0", b"0.0")
