"""A judge goes on with another candidate where one is lost, and test code can't hide that it was."""

import resource
from contextlib import closing
from pathlib import Path

import pytest
from judge_stage import DIES, ECHO, JudgeStage, PlayedCandidate, call, check, names, verdicts

from trialbox.server.grading import Call, Check
from trialbox.server.guest.channel import GIVEN_UP, KEPT, VALUE
from trialbox.v1 import values

_COUNTS = "calls = 0\ndef f(*_):\n    global calls\n    calls += 1\n    return calls\n"


@pytest.mark.parametrize("kind", ["call", "check"])
def test_a_candidate_that_dies_is_told_of_and_another_goes_on_after_the_case(kind: str) -> None:
    arguments = ["a", "b", "die", "c", "d"]
    cases: list[Call | Check] = (
        [call("f", word, expected=word) for word in arguments]
        if kind == "call"
        else [check(f"assert f({word!r}) == {word!r}") for word in arguments]
    )
    with JudgeStage(*cases) as stage:
        ended = stage.judged(DIES)
        assert stage.judge.wait() == 0
    assert verdicts(ended) == {0: "PASSED", 1: "PASSED", 2: "lost", 3: "PASSED", 4: "PASSED"}
    assert ended[2].lost == "the process is gone"


def test_a_case_that_is_kept_is_put_to_the_next_candidate() -> None:
    with JudgeStage(call("f", 1, expected=1), call("f", 2, expected=2)) as stage:
        assert stage.planned() == [0, 1]
        for said in (KEPT, KEPT):
            stage.start_candidate("import os\ndef f(x):\n    os._exit(0)", said)
            assert names(stage.until("lost")) == ["loaded", "lost"]
        stage.start_candidate(ECHO, KEPT)
        assert names(stage.until("done")) == ["loaded", "end", "end", "done"]


def test_a_case_that_is_given_up_is_not_put_to_the_next_candidate() -> None:
    with JudgeStage(call("f", 1, expected=1), call("f", 2, expected=2)) as stage:
        assert stage.planned() == [0, 1]
        stage.start_candidate("import os\ndef f(x):\n    os._exit(0)")
        assert names(stage.until("lost")) == ["loaded", "lost"]
        stage.start_candidate(ECHO, GIVEN_UP)
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
        assert verdicts(stage.judged(DIES)) == {0: "PASSED", 1: "lost", 2: "PASSED"}


def test_a_judge_ends_when_it_is_to_have_no_other_candidate() -> None:
    with JudgeStage(call("f", 1, expected=1)) as stage:
        stage.planned()
        assert stage.say_no_more() == 0
    with JudgeStage(call("f", 1, expected=1)) as stage:
        stage.planned()
        stage.start_candidate("import os\nos._exit(0)")
        stage.until("lost")
        assert stage.say_no_more() == 0


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
        assert verdicts(stage.judged(DIES)) == {0: "lost", 1: "PASSED"}


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
        stage.start_candidate(ECHO)
        assert [record[:3] for record in stage.until()] == [
            [b"loaded"],
            [b"end", b"0", b"PASSED"],
            [b"end", b"1", b"PASSED"],
            [],
        ]
        assert stage.judge.wait() == 5


def test_a_judge_that_runs_out_of_memory_over_an_answer_leaves_earlier_cases_their_verdicts() -> None:
    cases = [call("f", expected=1), call("f", expected=2)]
    with JudgeStage(*cases) as stage, closing(PlayedCandidate(stage)) as candidate:
        candidate.says_loaded()
        candidate.next_call()
        pages = int(Path(f"/proc/{stage.judge.pid}/statm").read_text().split()[0])
        room = pages * resource.getpagesize() + (2 << 20)
        resource.prlimit(stage.judge.pid, resource.RLIMIT_AS, (room, room))
        # Both answers at once, and the second is short: only to read it takes much.
        one, count = values.encode(set()), 30_000
        large = b"\x10" + count.to_bytes(4, "little") + one * count
        candidate.end.sendall(candidate.written(VALUE, values.encode(1)) + candidate.written(VALUE, large))
        assert [record[:3] for record in stage.until()] == [[b"loaded"], [b"end", b"0", b"PASSED"], []]
        assert stage.judge.wait() == 1
