"""What becomes of a case is what the program's answer deserves; judge and candidate are real processes here."""

import math
import re
from collections.abc import Mapping

import pytest
from judge_stage import Ended, JudgeStage, call, check

from trialbox.server.grading import Rule

_HINT = "; a test of live objects must say shared=True"
_PROGRAM = """\
import math

calls = 0

def same(value):
    return value

def give(text):
    return eval(text)

def count():
    global calls
    calls += 1
    return calls

def total(*numbers, start=0):
    return sum(numbers, start)

def sort(items):
    items.sort()

def fail(kind="ValueError", *arguments):
    raise eval(kind)(*arguments)

def asserts():
    assert 1 == 2, "the program's own"

class Odd:
    def __eq__(self, other):
        return True

    def __repr__(self):
        raise SystemExit(0)

    __hash__ = None

class Odder(ValueError):
    def __str__(self):
        raise SystemExit(0)

class Number(int):
    pass

class Own(KeyError):
    pass

number = 5
"""

_BIG = "x" * (16 << 20)

_CALLS = {
    "right": (call("total", 1, 2, expected=3), Ended(verdict="PASSED")),
    "right by keyword": (call("total", 1, expected=5, keywords={"start": 4}), Ended(verdict="PASSED")),
    "right though of another type": (call("same", True, expected=1.0), Ended(verdict="PASSED")),
    "right though NaN": (call("same", [math.nan], expected=[math.nan]), Ended(verdict="PASSED")),
    "nothing, as expected": (call("sort", [2, 1], expected=None), Ended(verdict="PASSED")),
    "wrong": (
        call("total", 1, 2, expected=[4]),
        Ended(verdict="FAILED", actual="3", expected="[4]"),
    ),
    "a list for a tuple": (call("same", [1], expected=(1,)), Ended(verdict="FAILED", actual="[1]", expected="(1,)")),
    "near": (call("same", 1.01, expected=1.0, absolute=0.1), Ended(verdict="PASSED")),
    "not near": (
        call("same", 1.2, expected=1.0, relative=0.1),
        Ended(verdict="FAILED", actual="1.2", expected="1.0"),
    ),
    "unordered": (call("same", [2, 1], expected=[1, 2], rule=Rule.UNORDERED), Ended(verdict="PASSED")),
    "by evalplus": (call("same", 1.0000009, expected=1.0, rule=Rule.EVALPLUS), Ended(verdict="PASSED")),
    "NaN by evalplus": (
        call("same", math.nan, expected=math.nan, rule=Rule.EVALPLUS),
        Ended(verdict="FAILED", actual="nan", expected="nan"),
    ),
    "a root": (
        call("same", [-4, 0, 1], expected=None, rule=Rule.EVALPLUS_ROOT),
        Ended(verdict="FAILED", actual="[-4, 0, 1]", expected="None"),
    ),
    "of a huge number": (
        call("give", "10**5000", expected=1),
        Ended(verdict="FAILED", actual="<int of 16610 bits>", expected="1"),
    ),
    "a huge number for NaN": (
        call("give", "10**400", expected=math.nan),
        Ended(verdict="FAILED", actual=repr(10**400), expected="nan"),
    ),
    "a range of huge numbers": (
        call("give", "range(10**5000)", expected=1),
        Ended(verdict="FAILED", actual="<range of very many digits>", expected="1"),
    ),
    "what can't cross": (
        call("give", "Odd()", expected=0),
        Ended(verdict="FAILED", expected="0", message=f"gave what can't cross: a value of type Odd can't cross{_HINT}"),
    ),
    "a subclass of what can": (
        call("give", "[Number(5)]", expected=[5]),
        Ended(
            verdict="FAILED",
            expected="[5]",
            message=f"gave what can't cross: a value of type Number can't cross{_HINT}",
        ),
    ),
    "a generator": (
        call("give", "(number for number in range(3))", expected=[0, 1, 2]),
        Ended(verdict="FAILED", expected="[0, 1, 2]", message="gave an iterator, which equals no other value"),
    ),
    "something, as expected": (
        call("give", "Odd()", expected=True, rule=Rule.EVALPLUS_NOT_NONE),
        Ended(verdict="PASSED"),
    ),
    "something that was not expected": (
        call("give", "Odd()", expected=False, rule=Rule.EVALPLUS_NOT_NONE),
        Ended(verdict="FAILED", actual="True", expected="False"),
    ),
    "too much": (
        call("give", "'x' * (16 << 20)", expected=_BIG),
        Ended(
            verdict="FAILED",
            expected="'" + "x" * 1999 + "…",
            message=f"gave what can't cross: longer than {16 << 20} bytes when encoded{_HINT}",
        ),
    ),
    "an exception": (
        call("fail", "ValueError", "no", expected=1),
        Ended(verdict="ERROR", kind="ValueError", text="no", line=23),
    ),
    "an exception of its own": (
        call("fail", "Own", 1, expected=1),
        Ended(verdict="ERROR", kind="Own", text="1", line=23),
    ),
    "an exception without a text": (
        call("fail", "Odder", expected=1),
        Ended(verdict="ERROR", kind="Odder", text="(its message can't be read)", line=23),
    ),
    "an exit": (
        call("fail", "SystemExit", 0, expected=1),
        Ended(verdict="ERROR", kind="SystemExit", text="0", line=23),
    ),
    "an interrupt": (
        call("fail", "KeyboardInterrupt", expected=1),
        Ended(verdict="ERROR", kind="KeyboardInterrupt", text="", line=23),
    ),
    "an assertion of its own": (
        call("asserts", expected=1),
        Ended(verdict="ERROR", kind="AssertionError", text="the program's own", line=26),
    ),
    "want of memory": (
        call("give", "bytes(1 << 62)", expected=1),
        Ended(verdict="OUT_OF_MEMORY", kind="MemoryError", text="", line=9),
    ),
    "a function of Python's": (
        call("sorted", [2, 1], expected=[1, 2]),
        Ended(verdict="ERROR", kind="NameError", text="name 'sorted' is not defined"),
    ),
    "a function that is not there": (
        call("absent", expected=1),
        Ended(verdict="ERROR", kind="NameError", text="name 'absent' is not defined"),
    ),
    "a name that is no function": (
        call("number", expected=1),
        Ended(verdict="ERROR", kind="TypeError", text="'int' object is not callable"),
    ),
    "arguments that it does not take": (
        call("count", 1, expected=1),
        Ended(verdict="ERROR", kind="TypeError", text="count() takes 0 positional arguments but 1 was given"),
    ),
    "a state": (call("count", expected=1), Ended(verdict="PASSED")),
    "a state later on": (call("count", expected=2), Ended(verdict="PASSED")),
}


def _told(name: str, table: Mapping[str, tuple[object, Ended]], ended: dict[int, Ended]) -> tuple[Ended, Ended]:
    """What was told of a case but for its time, and what should have been."""
    told = ended[list(table).index(name)]
    assert told.nanoseconds > 0
    fields = {key: getattr(told, key) for key in Ended.__slots__ if key != "nanoseconds"}
    return Ended(**{**fields, "text": re.sub(r" ?\(line \d+ of the test: .*\)$", "", told.text)}), table[name][1]


@pytest.fixture(scope="module")
def calls() -> dict[int, Ended]:
    """All of these calls, judged by one judge with one candidate."""
    with JudgeStage(*(case for case, _ in _CALLS.values())) as stage:
        ended = stage.judged(_PROGRAM)
        assert stage.judge.wait() == 0
    return ended


@pytest.mark.parametrize("name", _CALLS)
def test_a_call_has_the_verdict_that_its_answer_deserves(name: str, calls: dict[int, Ended]) -> None:
    told, deserved = _told(name, _CALLS, calls)
    assert told == deserved


_PASSED, _WRONG = Ended(verdict="PASSED"), Ended(verdict="FAILED", kind="AssertionError")
_UNFIT = Ended(verdict="FAILED", message=f"gave what can't cross: a value of type Odd can't cross{_HINT}")
_MISUSED = Ended(
    verdict="ERROR",
    kind="UnfitArgument",
    text="same is called with what can't cross: a value of type function can't cross; mark the case shared=True",
)
_CHECKS = {
    "no Python": (
        check("assert ("),
        Ended(verdict="ERROR", kind="SyntaxError", text="'(' was never closed (<case 0>, line 1)"),
    ),
    "right": (check("assert total(1, 2, start=3) == 6\nassert same({'a': (1,)}) == {'a': (1,)}"), _PASSED),
    "nothing": (check(""), _PASSED),
    "a function of the test": (check("def check(f):\n    assert f([1]) == [1]\ncheck(same)"), _PASSED),
    "wrong": (check("assert total(1, 2) == 4"), _WRONG),
    "wrong and why": (
        check("assert total(1, 2) == 4, f'not {total(1)}'"),
        Ended(verdict="FAILED", kind="AssertionError", text="not 1"),
    ),
    "a mistake of the test's": (
        check("same(1).x"),
        Ended(verdict="ERROR", kind="AttributeError", text="'int' object has no attribute 'x'"),
    ),
    "an exit of the test's": (check("raise SystemExit(0)"), Ended(verdict="ERROR", kind="SystemExit", text="0")),
    "an exception without a text": (
        check("class E(Exception):\n    def __str__(self):\n        raise SystemExit(0)\nraise E"),
        Ended(verdict="ERROR", kind="E", text="(its message can't be read)"),
    ),
    "output": (check("print('x' * 100_000)"), _PASSED),
    "an exception": (
        check("fail('ValueError', 'no')"),
        Ended(verdict="ERROR", kind="ValueError", text="no", line=23),
    ),
    "an assertion of the program's": (
        check("asserts()"),
        Ended(verdict="ERROR", kind="AssertionError", text="the program's own", line=26),
    ),
    "an exit of the program's": (
        check("fail('SystemExit')"),
        Ended(verdict="ERROR", kind="SystemExit", text="", line=23),
    ),
    "want of memory": (
        check("give('bytes(1 << 62)')"),
        Ended(verdict="OUT_OF_MEMORY", kind="MemoryError", text="", line=9),
    ),
    "want of memory of the test's": (check("bytes(1 << 62)"), Ended(verdict="ERROR", kind="MemoryError", text="")),
    "an exception that is expected": (
        check("try:\n    fail('Own', 1)\nexcept KeyError:\n    pass\nelse:\n    assert False"),
        _PASSED,
    ),
    "an exit taken for an exception": (
        check(
            "try:\n    fail('SystemExit')\n"
            "except Exception as error:\n    assert type(error).__name__ == 'CandidateError'"
        ),
        _PASSED,
    ),
    "an exception of another kind": (
        check("try:\n    fail('OSError', 'no')\nexcept KeyError:\n    pass"),
        Ended(verdict="ERROR", kind="OSError", text="no", line=23),
    ),
    "an exception turned into a wrong value": (
        check("try:\n    fail()\nexcept ValueError:\n    assert False, 'raised'"),
        Ended(verdict="FAILED", kind="AssertionError", text="raised"),
    ),
    "what can't cross": (check("assert give('Odd()') == 5"), _UNFIT),
    "what can't cross and is only looked for": (check("assert give('Odd()') is not None and give('Odd()')"), _PASSED),
    "what can't cross and is never looked at": (check("give('Odd()')"), _PASSED),
    "an iterator": (check("assert list(give('(number for number in range(3))')) == [0, 1, 2]"), _PASSED),
    "what can't cross and is swallowed": (check("try:\n    give('Odd()').x\nexcept BaseException:\n    pass"), _UNFIT),
    "what can't cross and ends in an error": (check("try:\n    give('Odd()') == 5\nfinally:\n    1 / 0"), _UNFIT),
    "an argument that can't cross": (check("same(lambda: 0)"), _MISUSED),
    "an argument that can't cross, swallowed": (
        check("try:\n    same(lambda: 0)\nexcept TypeError:\n    pass"),
        _MISUSED,
    ),
    "the same, asserted": (check("try:\n    same(lambda: 0)\nexcept TypeError:\n    assert False"), _MISUSED),
    "a change in place": (
        check("items = [3, 1, 2]\nsame_items = items\nsort(items)\nassert same_items == [1, 2, 3]"),
        _PASSED,
    ),
    "a function that is not there": (
        check("absent()"),
        Ended(verdict="ERROR", kind="NameError", text="name 'absent' is not defined"),
    ),
    "names of another case": (check("global left_over\nleft_over = 1"), _PASSED),
    "names of another case, not found": (
        check("left_over()"),
        Ended(verdict="ERROR", kind="NameError", text="name 'left_over' is not defined"),
    ),
    "a state": (check("assert count() == 1"), _PASSED),
    "a state later on": (check("assert count() == 2\nassert count() == 3"), _PASSED),
    "calls from threads": (
        check(
            "import threading\nfound = []\n"
            "threads = [threading.Thread(target=lambda n=n: found.append(same(n) == n)) for n in range(20)]\n"
            "for thread in threads: thread.start()\n"
            "for thread in threads: thread.join()\n"
            "assert found == [True] * 20"
        ),
        _PASSED,
    ),
}


@pytest.fixture(scope="module")
def checks() -> dict[int, Ended]:
    """All of these checks, judged by one judge with one candidate."""
    with JudgeStage(*(case for case, _ in _CHECKS.values())) as stage:
        ended = stage.judged(_PROGRAM)
        assert stage.judge.wait() == 0
    return ended


def test_what_test_code_raises_is_told_with_its_place() -> None:
    source = "def check(f):\n    assert f(1) == 1\n    assert f(1) == 2\n\ncheck(same)"
    with JudgeStage(check(source), check("assert same(1) == 2, 'no'")) as stage:
        ended = stage.judged(_PROGRAM)
    assert (ended[0].kind, ended[0].text) == ("AssertionError", "(line 3 of the test: assert f(1) == 2)")
    assert ended[1].text == "no (line 1 of the test: assert same(1) == 2, 'no')"


def test_a_name_that_the_program_does_not_have_is_not_there_for_the_test() -> None:
    sources = ("nope", "fs = [same, nope]", "def c(g): pass\nc(nope)", "try:\n    nope\nexcept NameError:\n    pass")
    with JudgeStage(*map(check, sources)) as stage:
        ended = stage.judged("def same(x): return x")
    assert [ended[number].verdict for number in range(4)] == ["ERROR", "ERROR", "ERROR", "PASSED"]
    assert ended[1].text.startswith("name 'nope' is not defined")


@pytest.mark.parametrize("name", _CHECKS)
def test_a_check_has_the_verdict_that_its_code_gives(name: str, checks: dict[int, Ended]) -> None:
    told, deserved = _told(name, _CHECKS, checks)
    assert told == deserved
