"""A judge and its candidates as plain processes, without jails; the test plays the host, or the candidate too."""

import marshal
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trialbox.server.grading import Call, Check, Rule
from trialbox.server.guest import frames
from trialbox.server.guest.channel import GIVEN_UP, KEPT, LOADED
from trialbox.server.separated import _described
from trialbox.v1 import values

_FOLDERS = [str(Path(module.__file__ or "").parent) for module in (frames, values)]
_PATIENCE_SECONDS = 60.0

ECHO = "def f(x):\n    return x\n"
DIES = "import os\ndef f(x):\n    return os._exit(0) if x == 'die' else x\n"

# What test code may see and why it needs more is for another module to find out: here the code says it itself,
# in a first line `# shared: why`.
_SCRIPTS = f"""
import ast, builtins, sys, types
sys.path[:0] = {_FOLDERS!r}

class Planner:
    def __init__(self, setup):
        analysis = self.analyse(setup)
        self.setup_stubs, self.setup_reason = analysis.stubs, analysis.shared_reason

    def analyse(self, source):
        first, _, _ = source.decode().partition("\\n")
        try:
            tree = ast.parse(source)
        except SyntaxError:
            tree = None
        names = {{node.id for node in ast.walk(tree or ast.Module([], [])) if isinstance(node, ast.Name)}}
        reason = first.removeprefix("# shared: ") if first.startswith("# shared: ") else ""
        return types.SimpleNamespace(stubs=frozenset(names - set(dir(builtins))), shared_reason=reason, tree=tree)

sys.modules["trust"] = types.ModuleType("trust")
sys.modules["trust"].Planner = Planner
"""
_JUDGE = f"""{_SCRIPTS}
import judge, marshal
suite = marshal.loads(sys.stdin.buffer.read())
one = judge.Judge(*suite, results=int(sys.argv[1]), control=int(sys.argv[2]))
one.settle_trust()
one.run()
"""
_CANDIDATE = f"""{_SCRIPTS}
import answering, program
program.PATH = "/dev/stdin"
answering.begin(sys.argv[2].encode(), int(sys.argv[1]))
answering.main()
"""


def call(
    entry_point: str,
    *arguments: object,
    expected: object = None,
    oracle: int | None = None,
    rule: Rule = Rule.EQUAL,
    relative: float = 0.0,
    absolute: float = 0.0,
    keywords: Mapping[str, object] | None = None,
) -> Call:
    """A Call with its values written."""
    return Call(
        entry_point=entry_point,
        arguments=values.encode(arguments),
        keyword_arguments=values.encode(dict(keywords)) if keywords else b"",
        expected=values.encode(expected) if oracle is None else None,
        oracle=oracle,
        rule=rule,
        relative_tolerance=relative,
        absolute_tolerance=absolute,
    )


def check(source: str) -> Check:
    return Check(source=source.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a judge tells of a case; `lost` says why there is nothing else to tell."""

    verdict: str = ""
    nanoseconds: int = 0
    actual: str = ""
    expected: str = ""
    message: str = ""
    kind: str = ""
    text: str = ""
    line: int = 0
    covered: str = ""
    lost: str = ""

    @classmethod
    def of(cls, fields: Sequence[bytes]) -> Self:
        """Read the record `end`, without its name and case."""
        verdict, nanoseconds, *told = (field.decode() for field in fields)
        if not told:
            return cls(verdict=verdict, nanoseconds=int(nanoseconds))
        actual, expected, message, kind, text, line, covered = told
        return cls(
            verdict=verdict,
            nanoseconds=int(nanoseconds),
            actual=actual,
            expected=expected,
            message=message,
            kind=kind,
            text=text,
            line=int(line),
            covered=covered,
        )


def verdicts(ended: Mapping[int, "Ended"]) -> dict[int, str]:
    """The verdicts by case; "lost" where a candidate was."""
    return {number: told.verdict or "lost" for number, told in ended.items()}


def names(records: Sequence[Sequence[bytes]]) -> list[str]:
    """What kinds of records these are."""
    return [record[0].decode() for record in records if record]


class JudgeStage:
    """A judge with its suite, and whoever it talks to."""

    def __init__(
        self,
        *cases: Call | Check,
        setup: str = "",
        oracles: Sequence[str] = (),
        known: Mapping[int, object] | None = None,
        fresh: bool = False,
    ) -> None:
        frames_known = {number: values.encode(value) for number, value in (known or {}).items()}
        described: list[Any] = [_described(number, case) for number, case in enumerate(cases)]
        data = marshal.dumps(
            (setup.encode(), described, [source.encode() for source in oracles], frames_known, fresh), 2
        )
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._results, results = os.pipe()
        self._buffer = bytearray()
        self._pending = list(range(len(cases)))
        self._passed: list[bytes] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        with theirs:
            self.judge = self._start(_JUDGE, data, (results, theirs.fileno()), str(results), str(theirs.fileno()))
        os.close(results)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._control.close()
        os.close(self._results)

    def next_record(self) -> list[bytes]:
        """The next record of the judge; an empty one at its end. Of cases that passed, one `end` each."""
        if not self._passed:
            record = self._read_record()
            if record[:1] != [b"passed"]:
                if record and record[0] in (b"shared", b"unexpected", b"end"):
                    self._pending.remove(int(record[1]))
                return record
            self._passed = record[1].split(b",")
        return [b"end", b"%d" % self._pending.pop(0), b"PASSED", self._passed.pop(0)]

    def _read_record(self) -> list[bytes]:
        while True:
            record, position = frames.next_field(self._buffer)
            if record is not None:
                del self._buffer[:position]
                return frames.unpack(record)
            assert select.select([self._results], [], [], _PATIENCE_SECONDS)[0], "the judge says nothing"
            data = os.read(self._results, 1 << 16)
            if not data:
                return []
            self._buffer += data

    def until(self, *names: str) -> list[list[bytes]]:
        """The records up to the first of these names, or to the last of all."""
        records = [self.next_record()]
        while records[-1] and records[-1][0].decode() not in names:
            records.append(self.next_record())
        return records

    def connect(self, said: bytes = KEPT) -> socket.socket:
        """Give the judge another channel; returns the candidate's end of it."""
        if said == GIVEN_UP:
            del self._pending[0]
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [said], [theirs.fileno()])
        return ours

    def start_candidate(self, source: str, said: bytes = KEPT, *, coverage: bool = False) -> "subprocess.Popen[bytes]":
        """Give the judge another channel with a real candidate at its end."""
        with self.connect(said) as end:
            number = end.fileno()
            return self._start(_CANDIDATE, source.encode(), (number,), str(number), "coverage" if coverage else "")

    def say_no_more(self) -> int:
        """Tell the judge that there is no other candidate; returns its exit status."""
        self._control.close()
        return self.judge.wait(_PATIENCE_SECONDS)

    def judged(self, source: str, *, coverage: bool = False) -> dict[int, Ended]:
        """Put the program to the judge as the host does, with another candidate whenever one is lost."""
        self.planned()
        ended: dict[int, Ended] = {}
        said: bytes | None = KEPT
        while said is not None:
            self.start_candidate(source, said, coverage=coverage)
            records = self.until("lost", "fresh", "done", "unloaded")
            ended |= {int(fields[0]): Ended.of(fields[1:]) for name, *fields in records[:-1] if name == b"end"}
            name, *told = records[-1] or [b"gone"]
            said = {b"lost": GIVEN_UP, b"fresh": KEPT}.get(name)
            if name == b"lost":
                ended[self._pending[0]] = Ended(lost=told[0].decode())
                if len(self._pending) == 1:
                    break
        return ended

    def planned(self) -> list[int]:
        """Read the plan; returns the cases that are to be judged."""
        assert self.until("planned")[-1] == [b"planned"]
        return list(self._pending)

    def _start(
        self, script: str, stdin: bytes, descriptors: tuple[int, ...], *arguments: str
    ) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=descriptors,
        )
        self._processes.append(process)
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        return process


class PlayedCandidate:
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
        self.says(LOADED, b"f")

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
