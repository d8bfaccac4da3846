"""How a judge goes through its cases: what it sets aside, whom it asks again, and what it makes of a lost candidate."""

import resource
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from judge_stage import GIVEN_UP, KEPT, Ended, JudgeStage, call, check

from trialbox.server.grading import Call, Check, Rule
from trialbox.server.guest import frames
from trialbox.v1 import values

_COUNTS = "calls = 0\ndef f(*_):\n    global calls\n    calls += 1\n    return calls\n"
_ECHO = "def f(x):\n    return x\n"
_DIES = "import os\ndef f(x):\n    return os._exit(0) if x == 'die' else x\n"


def verdicts(ended: dict[int, Ended]) -> dict[int, str]:
    return {number: told.verdict or "lost" for number, told in ended.items()}


def names(records: list[list[bytes]]) -> list[str]:
    return [record[0].decode() for record in records if record]


# --- The plan


def test_cases_that_need_live_objects_are_set_aside_before_any_candidate() -> None:
    cases = (check("assert f(1) == 1"), check("# shared: it patches\nf.x = 1"), call("f", 1, expected=1))
    with JudgeStage(*cases) as stage:
        assert stage.until("planned") == [[b"shared", b"1", b"it patches"], [b"planned"]]
        stage.start_candidate(_ECHO)
        records = stage.until("done")
        assert [record[:3] for record in records] == [
            [b"loaded"],
            [b"end", b"0", b"PASSED"],
            [b"end", b"2", b"PASSED"],
            [b"done"],
        ]
        assert stage.judge.wait() == 0


def test_a_judge_that_has_nothing_to_judge_ends() -> None:
    with JudgeStage(check("# shared: all of it\nf")) as stage:
        assert names(stage.until()) == ["shared", "planned"]
        assert stage.judge.wait() == 0


def test_set_up_code_that_needs_live_objects_decides_for_every_case_and_oracles_are_asked_all_the_same() -> None:
    cases = (check("assert f(1)"), call("f", 1, expected=2), call("f", 1, oracle=0), call("g", oracle=0))
    with JudgeStage(*cases, setup="# shared: it subclasses", oracles=["def f(x):\n    return 3"]) as stage:
        records = stage.until()
    assert [record for record in records if record and record[0] == b"shared"] == [
        [b"shared", b"%d" % number, b"it subclasses"] for number in (0, 1, 2)
    ]
    assert [b"expected", b"2", values.encode(3)] in records
    assert [b"unexpected", b"3", b"KeyError: 'g'"] in records


def test_an_oracle_is_asked_for_what_is_not_known_and_tells_of_each_case() -> None:
    oracle = "calls = 0\ndef f(items):\n    global calls\n    calls += 1\n    items.append(calls)\n    return items\n"
    cases = [call("f", [0], oracle=0) for _ in range(3)]
    with JudgeStage(*cases, oracles=[oracle], known={1: "known"}) as stage:
        assert stage.until("planned") == [
            [b"oracle", b"0"],
            [b"expected", b"0", values.encode([0, 1])],
            [b"oracle", b"2"],
            [b"expected", b"2", values.encode([0, 2])],
            [b"planned"],
        ]
        # The oracle changed its arguments, and the program gets its own all the same.
        stage.start_candidate(_ECHO)
        ended = [Ended.of(record[2:]) for record in stage.until("done") if record[0] == b"end"]
    assert [(told.actual, told.expected) for told in ended] == [
        ("[0]", "[0, 1]"),
        ("[0]", "'known'"),
        ("[0]", "[0, 2]"),
    ]


@pytest.mark.parametrize(
    ("oracle", "why"),
    [
        ("def f():\n    raise ValueError('no')", "ValueError: no"),
        ("def f():\n    raise SystemExit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
        ("g = 1", "KeyError: 'f'"),
        ("f = 1", "TypeError: 'int' object is not callable"),
        ("def f(", "SyntaxError: '(' was never closed (<oracle>, line 1)"),
        ("def f():\n    return f", "ValueEncodingError: a value of type function can't cross"),
        ("def f():\n    return bytes(16 << 20)", f"ValueEncodingError: longer than {16 << 20} bytes when encoded"),
    ],
)
def test_an_oracle_without_an_answer_says_why_and_only_its_case_is_out(oracle: str, why: str) -> None:
    with JudgeStage(call("f", oracle=0), call("f", oracle=1), oracles=[oracle, "def f():\n    return 1"]) as stage:
        records = stage.until("planned")
        assert [b"unexpected", b"0", why.encode()] in records
        stage.start_candidate("def f():\n    return 1")
        assert [record[:3] for record in stage.until("done")] == [[b"loaded"], [b"end", b"1", b"PASSED"], [b"done"]]


def test_an_oracle_that_ends_the_judge_is_known_by_its_case() -> None:
    with JudgeStage(
        call("f", oracle=0), call("g", oracle=0), oracles=["import os\ndef g():\n    os._exit(7)\nf = int"]
    ) as stage:
        assert stage.until() == [
            [b"oracle", b"0"],
            [b"expected", b"0", values.encode(0)],
            [b"oracle", b"1"],
            [],
        ]
        assert stage.judge.wait() == 7


# --- Candidates


@pytest.mark.parametrize("kind", ["call", "check"])
def test_a_candidate_that_dies_is_told_of_and_another_goes_on_after_the_case(kind: str) -> None:
    arguments = ["a", "b", "die", "c", "d"]
    cases: list[Call | Check] = (
        [call("f", word, expected=word) for word in arguments]
        if kind == "call"
        else [check(f"assert f({word!r}) == {word!r}") for word in arguments]
    )
    with JudgeStage(*cases) as stage:
        ended = stage.judged(_DIES)
        assert stage.judge.wait() == 0
    assert verdicts(ended) == {0: "PASSED", 1: "PASSED", 2: "lost", 3: "PASSED", 4: "PASSED"}
    assert ended[2].lost == "the process is gone"


def test_a_case_that_is_kept_is_put_to_the_next_candidate() -> None:
    with JudgeStage(call("f", 1, expected=1), call("f", 2, expected=2)) as stage:
        assert stage.planned() == [0, 1]
        for said in (KEPT, KEPT):
            stage.start_candidate("import os\ndef f(x):\n    os._exit(0)", said)
            assert names(stage.until("lost")) == ["loaded", "lost"]
        stage.start_candidate(_ECHO, KEPT)
        assert names(stage.until("done")) == ["loaded", "end", "end", "done"]


def test_a_case_that_is_given_up_is_not_put_to_the_next_candidate() -> None:
    with JudgeStage(call("f", 1, expected=1), call("f", 2, expected=2)) as stage:
        assert stage.planned() == [0, 1]
        stage.start_candidate("import os\ndef f(x):\n    os._exit(0)")
        assert names(stage.until("lost")) == ["loaded", "lost"]
        stage.start_candidate(_ECHO, GIVEN_UP)
        assert [record[:2] for record in stage.until("done")] == [[b"loaded"], [b"end", b"1"], [b"done"]]


@pytest.mark.parametrize(
    "source", ["import os\nos._exit(0)", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"]
)
def test_a_candidate_that_dies_while_it_loads_is_lost_before_it_has_loaded(source: str) -> None:
    with JudgeStage(call("f", expected=1)) as stage:
        stage.planned()
        stage.start_candidate(source)
        assert stage.until("lost") == [[b"lost", b"the process is gone"]]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\nraise ValueError('no')", [b"ValueError", b"no", b"2"]),
        ("x = 1\ny = = 2", [b"SyntaxError", b"invalid syntax (stdin, line 2)", b"2"]),
        ("raise SystemExit(0)", [b"SystemExit", b"0", b"1"]),
        ("\0", [b"SyntaxError", b"source code string cannot contain null bytes", b"0"]),
    ],
)
def test_a_program_that_does_not_load_says_why_and_ends_the_judge(source: str, told: list[bytes]) -> None:
    with JudgeStage(call("f", expected=1)) as stage:
        stage.planned()
        stage.start_candidate(source)
        unloaded, done = stage.until("done")
        assert unloaded[0] == b"unloaded"
        assert unloaded[1:] == told
        assert done == [b"done"]
        assert stage.judge.wait() == 0


def test_a_program_keeps_its_state_from_case_to_case() -> None:
    with JudgeStage(*(call("f", expected=number) for number in (1, 2)), check("assert f() == 3")) as stage:
        assert verdicts(stage.judged(_COUNTS)) == dict.fromkeys(range(3), "PASSED")


def test_fresh_puts_every_case_to_a_candidate_of_its_own() -> None:
    cases = (call("f", expected=1), call("f", expected=1), check("assert f() == 1"), check("assert f() == 1"))
    with JudgeStage(*cases, fresh=True) as stage:
        assert stage.planned() == [0, 1, 2, 3]
        for last in ("fresh", "fresh", "fresh", "done"):
            stage.start_candidate(_COUNTS)
            records = stage.until(last)
            assert names(records) == ["loaded", "end", last]
            assert records[1][2] == b"PASSED"
        assert stage.judge.wait() == 0


def test_fresh_goes_on_after_a_candidate_that_was_lost() -> None:
    cases = [call("f", word, expected=word) for word in ("a", "die", "b")]
    with JudgeStage(*cases, fresh=True) as stage:
        assert verdicts(stage.judged(_DIES)) == {0: "PASSED", 1: "lost", 2: "PASSED"}


def test_a_judge_ends_when_it_is_to_have_no_other_candidate() -> None:
    with JudgeStage(call("f", 1, expected=1)) as stage:
        stage.planned()
        assert stage.say_no_more() == 0
    with JudgeStage(call("f", 1, expected=1)) as stage:
        stage.planned()
        stage.start_candidate("import os\nos._exit(0)")
        stage.until("lost")
        assert stage.say_no_more() == 0


# --- Set-up code


_SET_UP = "limit = 10\ndef twice(x):\n    return f(f(x))\nbase = f(1)\n"


def test_set_up_code_calls_the_program_and_its_names_are_there_for_every_check() -> None:
    cases = (
        check("assert twice(2) == 2 and limit == 10"),
        check("assert base == 1\nlimit = 0"),
        check("assert limit == 10"),
    )
    with JudgeStage(*cases, setup=_SET_UP) as stage:
        assert verdicts(stage.judged(_ECHO)) == dict.fromkeys(range(3), "PASSED")


@pytest.mark.parametrize(
    ("setup", "told"),
    [
        ("raise ValueError('no')", [b"ValueError", b"no", b"0"]),
        ("x = 1\nx.y", [b"AttributeError", b"'int' object has no attribute 'y'", b"0"]),
        ("f('raise')", [b"Own", b"mine", b"5"]),
        ("f('odd') + 1", [b"UnfitAnswer", b"a value of type object can't cross", b"0"]),
        (
            "try:\n    f('odd') + 1\nexcept BaseException:\n    pass",
            [b"UnfitAnswer", b"a value of type object can't cross", b"0"],
        ),
        ("def f(", [b"SyntaxError", b"'(' was never closed (<setup>, line 1)", b"0"]),
    ],
)
def test_set_up_code_that_fails_is_like_a_program_that_does_not_load(setup: str, told: list[bytes]) -> None:
    source = (
        "class Own(ValueError):\n    pass\n"
        "def f(x):\n    if x == 'raise':\n        raise Own('mine')\n    return object()\n"
    )
    with JudgeStage(check("assert True"), setup=setup) as stage:
        stage.planned()
        stage.start_candidate(source)
        assert stage.until("done") == [[b"loaded"], [b"unloaded", *told], [b"done"]]
        assert stage.judge.wait() == 0


@pytest.mark.parametrize("after", ["pass", "raise ValueError"])
def test_set_up_code_can_not_hide_that_the_candidate_is_lost(after: str) -> None:
    with JudgeStage(check("assert True"), setup=f"try:\n    f('die')\nexcept BaseException:\n    {after}") as stage:
        stage.planned()
        stage.start_candidate(_DIES)
        assert stage.until("lost") == [[b"loaded"], [b"lost", b"the process is gone"]]


# --- Test code


@pytest.mark.parametrize(
    "code",
    [
        "f('die')",
        "try:\n    f('die')\nexcept BaseException:\n    pass",
        "try:\n    f('die')\nfinally:\n    raise SystemExit(0)",
        "for _ in range(3):\n    try:\n        f('die')\n    except BaseException:\n        pass\nassert False",
        "import threading\nthreading.excepthook = lambda _: None\n"
        "thread = threading.Thread(target=f, args=('die',))\nthread.start()\nthread.join()",
    ],
)
def test_test_code_can_not_hide_that_the_candidate_is_lost(code: str) -> None:
    with JudgeStage(check(code), check("assert f(1) == 1")) as stage:
        assert verdicts(stage.judged(_DIES)) == {0: "lost", 1: "PASSED"}


def test_test_code_that_is_interrupted_half_way_through_a_call_loses_the_candidate() -> None:
    code = (
        "import signal\n"
        "def stop(*_):\n    raise TimeoutError\n"
        "signal.signal(signal.SIGALRM, stop)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "try:\n    f(600)\nexcept TimeoutError:\n    pass\n"
    )
    source = "import time\ndef f(x):\n    time.sleep(x)\n    return x\n"
    with JudgeStage(check(code), check("assert f(0) == 0")) as stage:
        ended = stage.judged(source)
    assert verdicts(ended) == {0: "lost", 1: "PASSED"}
    assert ended[0].lost == "a call that was given up half-way"


@pytest.mark.parametrize("before", [check("assert f(1) == 1"), check("assert True"), call("f", 1, expected=1)])
def test_test_code_that_ends_the_judge_leaves_only_its_own_case_without_a_verdict(before: Call | Check) -> None:
    with JudgeStage(before, before, check("import os\nos._exit(5)"), check("assert True")) as stage:
        stage.planned()
        stage.start_candidate(_ECHO)
        assert [record[:3] for record in stage.until()] == [
            [b"loaded"],
            [b"end", b"0", b"PASSED"],
            [b"end", b"1", b"PASSED"],
            [],
        ]
        assert stage.judge.wait() == 5


def test_a_judge_that_runs_out_of_memory_over_an_answer_leaves_earlier_cases_their_verdicts() -> None:
    cases = [call("f", expected=1), call("f", expected=2)]
    with JudgeStage(*cases) as stage, closing(_Played(stage)) as candidate:
        candidate.says_loaded()
        candidate.next_call()
        pages = int(Path(f"/proc/{stage.judge.pid}/statm").read_text().split()[0])
        room = pages * resource.getpagesize() + (2 << 20)
        resource.prlimit(stage.judge.pid, resource.RLIMIT_AS, (room, room))
        # Both answers at once, and the second is short: only to read it takes much.
        one, count = values.encode(set()), 30_000
        large = b"\x10" + count.to_bytes(4, "little") + one * count
        candidate.end.sendall(candidate.written(_VALUE, values.encode(1)) + candidate.written(_VALUE, large))
        assert [record[:3] for record in stage.until()] == [[b"loaded"], [b"end", b"0", b"PASSED"], []]
        assert stage.judge.wait() == 1


# --- Many calls, large calls


def test_a_thousand_calls_are_answered_in_turn() -> None:
    cases = [call("f", number, expected=number) for number in range(1000)]
    with JudgeStage(*cases) as stage:
        assert verdicts(stage.judged(_ECHO)) == dict.fromkeys(range(1000), "PASSED")


_MEGABYTE = "x" * (1 << 20)


@pytest.mark.parametrize(
    ("cases", "source"),
    [
        ([call("f", _MEGABYTE, expected=_MEGABYTE)] * 8, _ECHO),
        ([call("f", _MEGABYTE, expected=1)] * 8, "def f(x):\n    return 1"),
        ([call("f", 1, expected=_MEGABYTE)] * 70, "def f(x):\n    return 'x' * (1 << 20)"),
        ([call("f", 1, expected=1), call("f", _MEGABYTE, expected=_MEGABYTE)] * 8, _ECHO),
        ([call("f", "y" * 30_000, expected="y" * 30_000)] * 50, _ECHO),
        ([check(f"assert f('x' * {1 << 20}) == 'x' * {1 << 20}")] * 4, _ECHO),
        ([call("f", "z" * (50 << 20), expected=50 << 20)], "f = len"),
    ],
    ids=["both", "arguments", "answers", "in turns", "middling", "checks", "more than an answer may have"],
)
def test_large_arguments_and_answers_hold_nobody_up(cases: list[Call | Check], source: str) -> None:
    with JudgeStage(*cases) as stage:
        assert verdicts(stage.judged(source)) == dict.fromkeys(range(len(cases)), "PASSED")


def test_calls_are_on_their_way_together_and_no_more_of_them_than_a_window_holds() -> None:
    cases = [call("f", number, expected=number) for number in range(200)]
    with JudgeStage(*cases) as stage, closing(_Played(stage)) as candidate:
        candidate.says_loaded()
        on_the_way = [candidate.next_call() for _ in range(64)]
        candidate.end.setblocking(False)
        with pytest.raises(BlockingIOError):  # the judge sends no more before it has answers
            candidate.next_call()
        assert on_the_way == [("f", (number,)) for number in range(64)]


def test_a_verdict_does_not_wait_for_the_next_call() -> None:
    with (
        JudgeStage(call("f", 1, expected=1), call("f", _MEGABYTE, expected=2)) as stage,
        closing(_Played(stage)) as candidate,
    ):
        candidate.says_loaded()
        candidate.next_call()
        candidate.says(_VALUE, values.encode(1))
        # It reads nothing of the next call, for which the socket has not enough room.
        assert names(stage.until("end")) == ["loaded", "end"]


# --- Coverage


def test_the_lines_that_a_case_ran_are_told_for_calls_and_checks() -> None:
    source = "def f(x):\n    if x:\n        return 1\n    return g(x)\ndef g(x):\n    return x\n"
    cases = (
        call("f", 1, expected=1),
        call("f", 0, expected=0),
        check("assert f(1) == 1\nassert f(0) == 0"),
        check("1"),
    )
    with JudgeStage(*cases) as stage:
        ended = stage.judged(source, coverage=True)
    assert [sorted(set(ended[number].covered.split(","))) for number in range(4)] == [
        ["0-2", "2-3"],
        ["0-2", "0-6", "2-4"],
        ["0-2", "0-6", "2-3", "2-4"],
        [""],
    ]


def test_lines_are_told_where_the_program_raised_as_well() -> None:
    source = "def f(x):\n    x += 1\n    raise ValueError\n"
    with JudgeStage(call("f", 1, expected=1), check("try:\n    f(1)\nexcept ValueError:\n    pass")) as stage:
        ended = stage.judged(source, coverage=True)
    assert [ended[number].covered for number in (0, 1)] == ["0-2,2-3", "0-2,2-3"]


def test_nothing_is_traced_that_was_not_asked_for() -> None:
    with JudgeStage(call("f", expected=None)) as stage:
        assert stage.judged("import sys\nf = sys.gettrace")[0].covered == ""


@pytest.mark.parametrize(
    ("claimed", "told"),
    [
        (b"1-2,x-3,4-y,,5,-6,7-,8--9,\xff-1,1-2-3,10-20", "1-2,10-20"),
        (b"1-9999999999,999999999-1", "999999999-1"),
        (b",".join(b"%d-%d" % (n, n) for n in range(30_000)), ",".join(f"{n}-{n}" for n in range(20_000))),
    ],
)
def test_what_a_candidate_claims_to_have_run_is_lines_and_not_too_many(claimed: bytes, told: str) -> None:
    with JudgeStage(call("f", expected=1)) as stage, closing(_Played(stage)) as candidate:
        candidate.says_loaded()
        candidate.says(_VALUE, values.encode(1), covered=claimed)
        assert Ended.of(stage.until("end")[-1][2:]).covered == told


# --- Candidates that the test plays


_LOADED, _VALUE, _RAISED, _UNFIT = range(4)


class _Played:
    """A candidate that says what the test wants it to, in good order or not."""

    def __init__(self, stage: JudgeStage, said: bytes = KEPT) -> None:
        stage.planned()
        self.end = stage.connect(said)

    def close(self) -> None:
        self.end.close()

    def says(self, kind: int, first: bytes = b"", second: bytes = b"", covered: bytes = b"") -> None:
        self.end.sendall(self.written(kind, first, second, covered))

    @staticmethod
    def written(kind: int, first: bytes = b"", second: bytes = b"", covered: bytes = b"") -> bytes:
        sizes = len(first).to_bytes(4, "little") + len(second).to_bytes(4, "little")
        body = bytes([kind]) + sizes + first + second + covered
        return len(body).to_bytes(4, "little") + body

    def says_loaded(self) -> None:
        self.says(_LOADED)

    def says_half(self) -> None:
        self.end.sendall(b"\x20\0\0\0\1")
        self.end.shutdown(socket.SHUT_WR)

    def next_call(self) -> tuple[str, object]:
        """Name and arguments of the next call."""
        size = int.from_bytes(self._exactly(4), "little")
        body = self._exactly(size)
        first, second = (int.from_bytes(body[at : at + 4], "little") for at in (1, 5))
        return body[9 : 9 + first].decode(), values.decode(body[9 + first : 9 + first + second])

    def _exactly(self, count: int) -> bytes:
        return self.end.recv(count, socket.MSG_WAITALL)


def _says(kind: int, *fields: bytes) -> Callable[[_Played], object]:
    return lambda candidate: candidate.says(kind, *fields)


_BEFORE_LOADED: dict[str, tuple[Callable[[_Played], object], str]] = {
    "an answer": (_says(_VALUE, values.encode(1)), "neither loaded nor failed to"),
    "unfit": (_says(_UNFIT, b"why"), "neither loaded nor failed to"),
    "an unknown kind": (_says(200), "neither loaded nor failed to"),
    "a failure that is none": (_says(_RAISED, b"garbage"), "no exception"),
    "garbage": (lambda candidate: candidate.end.sendall(b"\xff" * 100), "a message of 4294967295 bytes"),
    "the end of what it says": (lambda candidate: candidate.end.shutdown(socket.SHUT_WR), "the process is gone"),
}


@pytest.mark.parametrize("name", _BEFORE_LOADED)
def test_a_candidate_that_neither_loads_nor_fails_to_is_lost(name: str) -> None:
    says, why = _BEFORE_LOADED[name]
    with JudgeStage(call("f", expected=1)) as stage, closing(_Played(stage)) as candidate:
        says(candidate)
        assert stage.until("lost") == [[b"lost", why.encode()]]


_AFTER_LOADED: dict[str, tuple[Callable[[_Played], object], str]] = {
    "loaded again": (_says(_LOADED), "no answer to a call"),
    "an unknown kind": (_says(200, values.encode(1)), "no answer to a call"),
    "no value": (_says(_VALUE, b"\xff"), "no value: unknown tag 0xff"),
    "an exception that is none": (_says(_RAISED, b"garbage"), "no exception"),
    "garbage": (lambda candidate: candidate.end.sendall(bytes(100)), "a message of 0 bytes"),
    "half an answer": (lambda candidate: candidate.says_half(), "the process is gone"),
}


@pytest.mark.parametrize("name", _AFTER_LOADED)
@pytest.mark.parametrize("case", [call("f", [1], expected=1), check("assert f([1]) == 1")], ids=["call", "check"])
def test_a_candidate_that_says_something_other_than_an_answer_is_lost(name: str, case: Call | Check) -> None:
    says, why = _AFTER_LOADED[name]
    with JudgeStage(case, call("f", 1, expected=1)) as stage:
        with closing(_Played(stage)) as candidate:
            candidate.says_loaded()
            says(candidate)
            lost = stage.until("lost")
            assert names(lost) == ["loaded", "lost"]
            assert lost[-1][1].decode().startswith(why)
        stage.start_candidate(_ECHO, GIVEN_UP)
        assert [record[:3] for record in stage.until("done")] == [[b"loaded"], [b"end", b"1", b"PASSED"], [b"done"]]


_LONG = r"\xff" * 500


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        (_UNFIT, b"", Ended(verdict="FAILED", expected="1", message="gave what can't cross: ")),
        (
            _UNFIT,
            b"1" + b"\xff" * 20_000,
            Ended(verdict="FAILED", expected="1", message=f"gave what can't cross: {_LONG}"[:2000] + "…"),
        ),
        (_RAISED, frames.pack(b"K", b"m", b"-5", b"ValueError", b""), Ended(verdict="ERROR", kind="K", text="m")),
        (_RAISED, frames.pack(b"K", b"m", b"9" * 50, b"", b""), Ended(verdict="ERROR", kind="K", text="m", line=2**31)),
        (_RAISED, frames.pack(b"K", b"", b"1", b"MemoryError", b""), Ended(verdict="OUT_OF_MEMORY", kind="K", line=1)),
        (
            _RAISED,
            frames.pack(b"", b"m" * 9000, b"1", b"\xff", b""),
            Ended(verdict="ERROR", text="m" * 2000 + "…", line=1),
        ),
    ],
    ids=["unfit for nothing", "unfit for a lot", "line before all", "line after all", "memory", "long"],
)
def test_a_candidate_can_say_odd_things_and_get_a_verdict(kind: int, content: bytes, told: Ended) -> None:
    with JudgeStage(call("f", expected=1)) as stage, closing(_Played(stage)) as candidate:
        candidate.says_loaded()
        candidate.says(kind, content)
        ended = Ended.of(stage.until("end")[-1][2:])
    assert Ended(**{key: getattr(ended, key) for key in Ended.__slots__ if key != "nanoseconds"}) == told


def test_an_answer_with_nothing_in_it_is_not_to_be_swallowed_either() -> None:
    case = check("try:\n    f(1) + 1\nexcept BaseException:\n    pass")
    with JudgeStage(case) as stage, closing(_Played(stage)) as candidate:
        candidate.says_loaded()
        candidate.says(_UNFIT)
        assert stage.until("end")[-1][:3] == [b"end", b"0", b"FAILED"]


def test_answers_that_come_before_their_calls_are_taken_in_turn_and_one_too_many_changes_nothing() -> None:
    cases = [call("f", number, expected=number) for number in range(3)]
    with JudgeStage(*cases) as stage, closing(_Played(stage)) as candidate:
        candidate.says_loaded()
        for number in (0, 5, 2, 9):
            candidate.says(_VALUE, values.encode(number))
        assert [record[:3] for record in stage.until("done")] == [
            [b"loaded"],
            [b"end", b"0", b"PASSED"],
            [b"end", b"1", b"FAILED"],
            [b"end", b"2", b"PASSED"],
            [b"done"],
        ]


# --- Requests written by hand


def _undecodable(frame_of: str, rule: Rule = Rule.EQUAL) -> Call:
    # A set of two equal values: only building it shows that it is none.
    equals = b"\x12\x02\0\0\0" + values.encode(1) * 2
    fields: dict[str, Any] = {"arguments": values.encode((1,)), "expected": values.encode(2)}
    fields[frame_of] = b"\x11\x01\0\0\0" + equals
    return Call(entry_point="f", keyword_arguments=b"", rule=rule, **fields)


@pytest.mark.parametrize("case", [_undecodable("arguments"), _undecodable("expected")], ids=["arguments", "expected"])
def test_a_case_that_holds_what_is_no_value_is_an_error_and_the_others_are_judged(case: Call) -> None:
    with JudgeStage(case, call("f", 1, expected=1)) as stage:
        ended = stage.judged(_ECHO)
    assert verdicts(ended) == {0: "ERROR", 1: "PASSED"}
    assert "equal keys" in ended[0].message + ended[0].text


def test_arguments_that_are_no_value_do_not_upset_the_judge_that_looks_at_them() -> None:
    with JudgeStage(_undecodable("arguments", Rule.EVALPLUS_ROOT)) as stage, closing(_Played(stage)) as candidate:
        candidate.says_loaded()
        candidate.says(_VALUE, values.encode(1))
        assert stage.until("end")[-1][:3] == [b"end", b"0", b"ERROR"]
