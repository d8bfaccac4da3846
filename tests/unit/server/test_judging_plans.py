"""What a judge sets aside, asks of oracles, and makes of set-up code, before the first case."""

import pytest
from judge_stage import DIES, ECHO, Ended, JudgeStage, call, check, names, verdicts

from trialbox.v1 import values


def test_cases_that_need_live_objects_are_set_aside_before_any_candidate() -> None:
    cases = (check("assert f(1) == 1"), check("# shared: it patches\nf.x = 1"), call("f", 1, expected=1))
    with JudgeStage(*cases) as stage:
        assert stage.until("planned") == [[b"shared", b"1", b"it patches"], [b"planned"]]
        stage.start_candidate(ECHO)
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
        stage.start_candidate(ECHO)
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


_SET_UP = "limit = 10\ndef twice(x):\n    return f(f(x))\nbase = f(1)\n"


def test_set_up_code_calls_the_program_and_its_names_are_there_for_every_check() -> None:
    cases = (
        check("assert twice(2) == 2 and limit == 10"),
        check("assert base == 1\nlimit = 0"),
        check("assert limit == 10"),
    )
    with JudgeStage(*cases, setup=_SET_UP) as stage:
        assert verdicts(stage.judged(ECHO)) == dict.fromkeys(range(3), "PASSED")


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
def test_set_up_code_that_fails_is_told_of_as_such(setup: str, told: list[bytes]) -> None:
    source = (
        "class Own(ValueError):\n    pass\n"
        "def f(x):\n    if x == 'raise':\n        raise Own('mine')\n    return object()\n"
    )
    with JudgeStage(check("assert True"), setup=setup) as stage:
        stage.planned()
        stage.start_candidate(source)
        assert stage.until("done") == [[b"loaded"], [b"unprepared", *told], [b"done"]]
        assert stage.judge.wait() == 0


@pytest.mark.parametrize("after", ["pass", "raise ValueError"])
def test_set_up_code_can_not_hide_that_the_candidate_is_lost(after: str) -> None:
    with JudgeStage(check("assert True"), setup=f"try:\n    f('die')\nexcept BaseException:\n    {after}") as stage:
        stage.planned()
        stage.start_candidate(DIES)
        assert stage.until("lost") == [[b"loaded"], [b"lost", b"the process is gone"]]
