"""No byte of a request, nor of what its program did, is in the memory of the next program in the same place."""

import os
import secrets
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import hosts
import pytest
from executions import Run, printed

from trialbox.client import Call, Case, Check, Evaluation, Limits, Outcome, Program, Sandbox, Stdio, Suite, Verdict

KIB, MIB = 1 << 10, 1 << 20
LIMITS = Limits(wall_seconds=30, cpu_seconds=30, output_bytes=2 * MIB)

# All words begin alike, so that a look for any number of them is quick.
TAG = secrets.token_hex(8)
TAIL_CHARACTERS = 16
# Looks for words of which it knows the parts, spelt backwards: joined and forwards they are nowhere in it.
SCANNER = f"""
import os, re

def find(backwards):
    tag = {TAG[::-1]!r}[::-1].encode()
    tails = [tail[::-1].encode() for tail in backwards]
    kinds = []
    for padding in (b"", bytes(1), bytes(3)):  # strings have one, two or four bytes a character
        head = b"".join(bytes([byte]) + padding for byte in tag)
        tail = b"(?:[0-9a-f]" + padding + b"){{{TAIL_CHARACTERS}}}"
        kinds.append((head, re.compile(head + b"(" + tail + b")"), len(padding) + 1))
    seen = set()
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    for line in open("/proc/self/maps").read().splitlines():
        begin, end = (int(address, 16) for address in line.split()[0].split("-"))
        if "r" not in line.split()[1] or line.endswith(("[vvar]", "[vvar_vclock]", "[vsyscall]")):
            continue
        for start in range(begin, end, 1 << 20):
            chunk = os.pread(memory, min((1 << 20) + 256, end - start), start)
            for head, pattern, width in kinds:
                if head in chunk:
                    seen |= {{tail[::width] for tail in pattern.findall(chunk)}}
    os.close(memory)
    return [number for number, tail in enumerate(tails) if tail in seen]
"""


def new_word() -> str:
    """Make up a word that is nowhere else."""
    return TAG + secrets.token_hex(TAIL_CHARACTERS // 2)


def filled(word: str, size: int) -> str:
    """Repeat a word until it has `size` characters."""
    return word * (size // len(word))


def backwards(words: Iterable[str]) -> list[str]:
    """Write words the way the scanner is told of them."""
    return [word.removeprefix(TAG)[::-1] for word in words]


def looking_for(words: Iterable[str]) -> str:
    """Write a program that prints the places in `words` of those in its memory."""
    return f"{SCANNER}\nprint(find({backwards(words)!r}))"


# Where a request can carry something, and the most that fits there.
LARGEST = {
    "source": MIB,
    "stdin": MIB,
    "file": MIB,
    "file name": 128,
    "argument": 96 * KIB,
    "environment": 96 * KIB,
    "output": 256 * KIB,
    "pattern": 8 * KIB,
}
# The program is not told what is collected of it.
UNTOLD = {"pattern"}


def secretive(size: int, ending: str = "") -> tuple[Program, tuple[str, ...], dict[str, str]]:
    """A program that holds a word from each place of its request, and says which it finds in its memory.

    Returns it, what to collect of it, and the words by place.
    """
    words = {place: new_word() for place in LARGEST}
    text = {place: filled(word, min(size, LARGEST[place])) for place, word in words.items()}
    source = f"""{SCANNER}
import signal, sys
held = [{text["source"]!r}, sys.argv, dict(os.environ), sys.stdin.read(), open({text["file name"]!r}).read()]
held.append({words["output"]!r} * {len(text["output"]) // len(words["output"])})
print(find({backwards(words.values())!r}), flush=True)
print(held[-1], file=sys.stderr, flush=True)
open("out", "w").write(held[-1])
{ending}
"""
    program = Program(
        source,
        stdin=text["stdin"],
        files={text["file name"]: text["file"]},
        args=(text["argument"],),
        env={"SECRET": text["environment"]},
    )
    patterns = [text["pattern"][place : place + 128] for place in range(0, len(text["pattern"]), 128)]
    return program, ("out", *patterns), words


def plant(run: Run, size: int, ending: str = "", *, limits: Limits = LIMITS) -> tuple[list[str], Outcome]:
    """Run a secretive program, see that the scanner works in it, and return its words and how it ended."""
    program, collect, words = secretive(size, ending)
    execution = run(program, collect=collect, limits=limits)
    expected = [number for number, place in enumerate(words) if place not in UNTOLD]
    seen = eval(execution.stdout.splitlines()[0])
    assert set(expected) <= set(seen), (expected, seen)
    assert words["output"].encode() in execution.stderr
    return list(words.values()), execution.outcome


def test_nothing_of_a_request_is_in_the_memory_of_the_next_program(run_on_one_slot: Run) -> None:
    words = []
    for size in (64, 4 * KIB, 64 * KIB, MIB, 64):
        planted, outcome = plant(run_on_one_slot, size)
        assert outcome is Outcome.SUCCEEDED
        words += planted
        assert printed(run_on_one_slot(looking_for(words), limits=LIMITS)) == "[]"


def test_nothing_of_many_requests_is_in_the_memory_of_a_later_program(run_on_one_slot: Run) -> None:
    words = [word for size in (64, 4 * KIB, MIB, 64, 300 * KIB) for word in plant(run_on_one_slot, size)[0]]
    assert printed(run_on_one_slot(looking_for(words), limits=LIMITS)) == "[]"


ENDINGS = {
    "raise ValueError(held)": Outcome.FAILED,
    "os._exit(0)": Outcome.SUCCEEDED,
    "os.kill(os.getpid(), signal.SIGKILL)": Outcome.SIGNALED,
    "os.kill(os.getpid(), signal.SIGSEGV)": Outcome.SIGNALED,
    "os.fork(); os.fork(); signal.pause()": Outcome.WALL_TIME_EXCEEDED,
    "more = b'x' * (600 << 20)": Outcome.MEMORY_EXCEEDED,
    "while True: os.write(1, held[-1].encode())": Outcome.OUTPUT_EXCEEDED,
    "import ctypes; ctypes.CDLL(None).reboot(0)": Outcome.SYSCALL_DENIED,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_however_a_program_ends_nothing_of_it_is_in_the_next_ones_memory(run_on_one_slot: Run, ending: str) -> None:
    limits = Limits(wall_seconds=2, cpu_seconds=10, memory_bytes=512 * MIB)
    words, outcome = plant(run_on_one_slot, 8 * KIB, ending, limits=limits)
    assert outcome is ENDINGS[ending]
    assert printed(run_on_one_slot(looking_for(words), limits=LIMITS)) == "[]"


def test_nothing_of_a_call_given_up_is_in_the_memory_of_the_next_program(
    one_slot_server: tuple[Sandbox, int], run_on_one_slot: Run
) -> None:
    _, server_pid = one_slot_server
    program, collect, words = secretive(64 * KIB, "signal.pause()")
    with ThreadPoolExecutor() as pool:
        before = {jail.program for jail in hosts.settled(lambda: hosts.jails(server_pid))}
        call = pool.submit(run_on_one_slot, program, collect=collect, deadline_seconds=3)
        needle = words["stdin"].encode()
        hosts.eventually(lambda: any(_holds(process, needle) for process in before), "the program has it all")
        assert isinstance(call.exception(), TimeoutError)
    assert printed(run_on_one_slot(looking_for(words.values()), limits=LIMITS)) == "[]"


def _holds(process: hosts.Process, word: bytes) -> bool:
    try:
        return bool(hosts.holds(process.pid, [word]))
    except OSError:  # it has ended
        return False


# Evaluations


def secret_suite(size: int) -> tuple[Program, Suite, dict[str, str]]:
    """A program and its suite, each part of which holds a word; the last case tells which the program finds."""
    words = {
        place: new_word()
        for place in ("source", "setup", "argument", "keyword", "expected", "check", "file", "stdin", "printed")
    }
    text = {place: filled(word, size) for place, word in words.items()}
    program = f"""{SCANNER}
own = {text["source"]!r}
def echo(first, *, second):
    return own
def found():
    return find({backwards(words.values())!r})
if __name__ == "__main__":
    print(input())
"""
    cases: list[Case] = [
        Call("echo", (text["argument"],), {"second": text["keyword"]}, expected=text["expected"]),
        Check(f"assert own != {text['check']!r}"),
        Stdio(text["stdin"], text["printed"]),
        Call("found", expected=None),
    ]
    suite = Suite(cases, setup=f"planted = {text['setup']!r}, open('file').read()")
    return Program(program, files={"file": text["file"]}), suite, words


# The output that a Stdio case expects never gets near the program.
APART = {"stdin", "printed"}


@pytest.mark.parametrize("size", [64, 4 * KIB, MIB])
@pytest.mark.parametrize("fresh", [False, True])
def test_nothing_of_an_evaluation_is_in_the_memory_of_the_next_program(
    one_slot_server: tuple[Sandbox, int], run_on_one_slot: Run, isolation_path: str, size: int, fresh: bool
) -> None:
    box, _ = one_slot_server
    program, suite, words = secret_suite(size)
    planted = box.evaluate(program, suite, fresh=fresh, limits=LIMITS, isolation=isolation_path)
    assert planted.isolation.path == isolation_path
    verdicts = [case.verdict for case in planted.cases]
    assert verdicts == [Verdict.FAILED, Verdict.PASSED, Verdict.FAILED, Verdict.FAILED], planted
    seen = [list(words)[number] for number in eval(planted.cases[-1].actual)]
    # With a process for each case, the last knows no other case.
    assert set(seen) >= ({"source", "setup", "file"} if fresh else words.keys() - APART)
    assert printed(run_on_one_slot(looking_for(words.values()), limits=LIMITS)) == "[]"
    search = Suite([Call("find", (backwards(words.values()),), expected=[])])
    assert _passed(box.evaluate(SCANNER, search, limits=LIMITS, isolation=isolation_path), isolation_path)


def _passed(evaluation: Evaluation, path: str) -> bool:
    assert evaluation.isolation.path == path
    return evaluation.passed


# The host's own look


def test_the_processes_that_outlast_a_program_never_hold_a_byte_of_its_request(
    one_slot_server: tuple[Sandbox, int], run_on_one_slot: Run
) -> None:
    _, server_pid = one_slot_server
    # The last thing that happens before it waits is that it writes to memory of its own.
    ending = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\nready = held[0][::-1]\n"
    program, collect, words = secretive(64 * KIB, ending + "signal.sigwait({signal.SIGUSR1})")
    needles = {word.encode() for place, word in words.items() if place not in UNTOLD}
    reversed_word = words["source"][::-1].encode()
    run_on_one_slot("")
    before = hosts.settled(lambda: hosts.jails(server_pid))
    with ThreadPoolExecutor() as pool:
        call = pool.submit(run_on_one_slot, program, collect=collect, limits=LIMITS)
        hosts.eventually(lambda: any(_holds(jail.program, reversed_word) for jail in before), "it waits")
        (jail,) = (jail for jail in before if _holds(jail.program, reversed_word))
        assert hosts.holds(jail.program.pid, needles) == needles
        for process in (jail.fork_server, jail.init, jail.nsjail, jail.launcher):
            assert hosts.holds(process.pid, {word.encode() for word in words.values()}) == set(), process
        os.kill(jail.program.pid, signal.SIGUSR1)
        assert call.result().outcome is Outcome.SUCCEEDED
