"""Attacks that work: each test fails until its hole is mended."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from trialbox.client import AsyncSandbox, Call, Check, Comparator, Limits, Sandbox, Suite, Verdict
from trialbox.v1 import evaluation_pb2, execution_pb2, sandbox_service_pb2, values
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceStub

TIMES_FOUR = "def f(a): return a * 4"
FORGING = """
import os, signal, sys, time

def f(a):
    judge = sys._getframe(1).f_locals["self"]
    frames = type(judge)._record.__globals__["frames"]

    def record(*fields):
        data = memoryview(frames.pack(frames.pack(*fields)))
        while data:
            data = data[os.write(judge._results, data):]

"""
ENDLESS_ORACLE = (
    FORGING
    + """
    while True:
        record(b"oracle", b"0")
        time.sleep(0.1)
"""
)
STOPS_ITSELF_WHEN_DONE = (
    FORGING
    + """
    if not os.fork():
        judge_id = os.getppid()
        time.sleep(0.3)
        os.kill(judge_id, signal.SIGSTOP)
        record(b"done")
        os._exit(0)
    return a * 4
"""
)
ENORMOUS_ANSWERS = (
    FORGING
    + """
    for number in range(40):
        if number:
            record(b"oracle", b"%d" % number)
        record(b"expected", b"%d" % number, bytes(24 << 20))
    os._exit(0)
"""
)
STARVES_ITSELF = """
import os, time

def f(a):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    worker = os.fork()
    if not worker:
        end = time.process_time() + 1.7
        while time.process_time() < end:
            pass
        os._exit(0)
    os.nice(10)
    while os.waitpid(worker, os.WNOHANG)[0] == 0:
        pass
    return a * 4
"""
COLLIDING = """
answer = [(2**61 - 1) * n for n in range(1, 200_000)]

def f(a):
    return answer
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox.local(slots=2) as sandbox:
        yield sandbox


def newest_server() -> int:
    """The process id of the embedded server that was started last."""
    for pid in sorted((int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()), reverse=True):
        try:
            with Path(f"/proc/{pid}/stat").open() as stat, Path(f"/proc/{pid}/cmdline").open("rb") as command:
                if (
                    int(stat.read().rsplit(")", 1)[1].split()[1]) == os.getpid()
                    and b"trialbox.server" in command.read()
                ):
                    return int(pid)
        except OSError:
            continue
    raise AssertionError("no server")


def resident_bytes(pid: int) -> int:
    with Path(f"/proc/{pid}/statm").open() as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(("name", "arguments", "expected"), [("pow", (2, 3), 8), ("sorted", ([3, 1],), [1, 3])])
def test_a_program_without_the_function_does_not_pass_by_pythons_own(
    box: Sandbox, name: str, arguments: tuple[object, ...], expected: object
) -> None:
    case = box.evaluate("x = 1", Suite([Call(name, arguments, expected=expected)])).cases[0]
    assert case.verdict is Verdict.ERROR, case


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="a program has all there is")
def test_a_program_gets_nothing_back_for_what_it_starves_itself_of(box: Sandbox) -> None:
    case = box.evaluate(STARVES_ITSELF, Suite([Call("f", (1,), expected=4)]), case_seconds=1).cases[0]
    assert case.verdict is Verdict.TIMED_OUT, case


@pytest.mark.parametrize(
    ("oracle", "program"),
    [
        (ENDLESS_ORACLE, TIMES_FOUR),
        (STOPS_ITSELF_WHEN_DONE, "import time\n\ndef f(a):\n    time.sleep(0.7)\n    return a * 4"),
    ],
    ids=["endless", "stopped"],
)
def test_a_suite_can_not_keep_an_evaluation_from_ending(oracle: str, program: str) -> None:
    async def evaluate() -> None:
        async with AsyncSandbox.local(slots=1) as sandbox:
            suite = Suite([Call("f", (1,), oracle=oracle), Call("f", (2,), oracle=oracle)])
            await asyncio.wait_for(
                sandbox.evaluate(program, suite, case_seconds=2, limits=Limits(wall_seconds=5)), timeout=25
            )

    asyncio.run(evaluate())


def test_a_suite_can_not_fill_the_servers_memory(box: Sandbox) -> None:
    server = newest_server()
    before = resident_bytes(server)
    box.evaluate(TIMES_FOUR, Suite([Call("f", (n,), oracle=ENORMOUS_ANSWERS) for n in range(40)]))
    assert resident_bytes(server) - before < 512 << 20


def test_a_suite_does_not_change_the_verdict_of_the_next() -> None:
    leaves = "def g():\n    a = [bytearray(350 << 20)]\n    a.append(a)\ng()\nassert f(1) == 4"
    needs = "a = bytearray(250 << 20)\nassert f(1) == 4"
    with Sandbox.local(slots=1, settings={"spare_slots": "0"}) as sandbox:
        assert sandbox.evaluate(TIMES_FOUR, Suite([Check(needs)])).passed
        assert sandbox.evaluate(TIMES_FOUR, Suite([Check(leaves)])).passed
        assert sandbox.evaluate(TIMES_FOUR, Suite([Check(needs)])).cases[0].verdict is Verdict.PASSED


def test_what_answers_cost_the_judge_is_charged(box: Sandbox) -> None:
    case = Call("f", (1,), expected=[1, 2], comparator=Comparator.EVALPLUS_SET)
    began = time.monotonic()
    box.evaluate(COLLIDING, Suite([case] * 8), case_seconds=0.1, limits=Limits(wall_seconds=2))
    assert time.monotonic() - began < 8


def test_clients_without_an_id_share_no_judge(box: Sandbox) -> None:
    address = address_of(newest_server())
    word = b"kanarienvogel"
    scanner = f"""
import os, re

def f(a):
    word, found = bytes(byte ^ 1 for byte in {bytes(byte ^ 1 for byte in word)!r}), set()
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    for line in open("/proc/self/maps"):
        if "rw" in line.split()[1]:
            start, end = (int(bound, 16) for bound in line.split()[0].split("-"))
            try:
                found.update(re.findall(word + b"-[0-9]+", os.pread(memory, end - start, start)))
            except OSError:
                pass
    return sorted(found)
"""
    wanted = values.encode((word + b"-8731").decode())
    argument = values.encode((1,))
    program = execution_pb2.Program(source=b"def f(a): return a")
    secret = evaluation_pb2.CallCase(entry_point="f", arguments=argument, expected=wanted)
    spying = evaluation_pb2.CallCase(entry_point="f", arguments=argument, oracle=0)
    suites = [
        evaluation_pb2.Suite(cases=[evaluation_pb2.Case(call=secret)]),
        evaluation_pb2.Suite(cases=[evaluation_pb2.Case(call=spying)], oracles=[scanner.encode()]),
    ]
    for suite in suites:
        with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            request = sandbox_service_pb2.EvaluateRequest(program=program, suite=suite)
            case = SandboxServiceStub(channel).Evaluate(request).evaluation.cases[0]
    assert case.message == "gave 1, not []"


def address_of(pid: int) -> str:
    with Path(f"/proc/{pid}/environ").open() as environment:
        (address,) = [text for text in environment.read().split("\0") if text.startswith("TRIALBOX_ADDRESS=")]
    return address.partition("=")[2]
