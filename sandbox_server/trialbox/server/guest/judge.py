"""One suite and the candidates it is put to: calls the program's functions in another jail, gives each case a verdict.

Trust is settled from the suite alone, before a candidate exists. With each candidate the host sends its channel over
the control socket, and says whether it has a verdict on the case in which the last candidate was lost. Records for the
host are one frame a field:
  shared, case, why | oracle, case | expected, case, frame | unexpected, case, why | planned
  loaded | unloaded, type, message, line (of the program) | unprepared, likewise (of the set-up code)
  passed, ns of each of the next cases
  end, case, verdict, ns, actual, expected, message, type, exception message, line, coverage
  lost, why | fresh | done
"""

import _socket
import builtins
import os
import sys
import time
from _collections import deque  # type: ignore[import-not-found]

import briefs
import channel
import comparators
import frames
import plain
import stubs
import trust
import values

if False:  # for the type checker only
    from typing import Any

_WINDOW_CALLS, _WINDOW_BYTES = 64, 64 << 10
"""What may be on its way unanswered; it fits into the socket's buffer, so that sending it never waits."""
_LARGE_BYTES = 4096
"""What may take a while to compare, or much memory."""
_RIGHTS_BYTES = 4
_SHOWN_BYTES = 200
_MAXIMUM_ARCS, _LINE_DIGITS = 20_000, 9

# Test code may have replaced os's own.
_write = os.write


class Judge:
    """One suite, and the candidates it is put to."""

    def __init__(
        self,
        setup: bytes,
        cases: "list[tuple[Any, ...]]",
        oracles: "list[bytes]",
        known: "dict[int, bytes]",
        fresh: bool,
        *,
        results: int,
        control: int,
    ) -> None:
        self._setup = setup
        self._cases = deque(cases)
        self._oracles = oracles
        self._loaded_oracles: dict[int, dict[str, Any]] = {}
        self._known = known
        """Expected values by case, as far as they are known."""
        self._fresh = fresh
        self._stubs: dict[int, frozenset[str]] = {}
        self._shared: dict[int, str] = {}
        self._names: frozenset[str] = frozenset()
        """What a test may find that the candidate of the moment has."""
        self._records: list[bytes] = []
        self._passed: list[bytes] = []
        """What the last cases took, which passed and of which there is no more to say."""
        self._results = results
        self._control = _socket.socket(fileno=control)

    def settle_trust(self) -> bool:
        """Find out which cases need the program's live objects; whether the rest leaves nothing behind.

        Runs none of the suite's code. Call it first.
        """
        planner = trust.Planner(self._setup)
        is_plain = not self._setup
        for case in self._cases:
            kind, number = case[:2]
            reason = planner.setup_reason
            if kind == "check":
                analysis = planner.analyse(case[2])
                self._stubs[number] = analysis.stubs
                reason = reason or analysis.shared_reason
                # What doesn't compile leaves nothing behind, nor does what isn't run here.
                is_plain = is_plain and (bool(reason) or analysis.tree is None or plain.is_plain(analysis.tree))
            elif case[5] is None and number not in self._known:
                is_plain = False  # an oracle is to be asked
            if reason:
                self._shared[number] = reason
        self._setup_stubs = planner.setup_stubs
        return is_plain

    def run(self) -> None:
        """Judge until every case has its verdict, or the host wants no more."""
        self._plan()
        self._record(b"planned")
        self._flush()
        while self._cases:
            connection = self._next_candidate()
            if connection is None:
                return
            try:
                is_over = not self._judge(connection)
            except channel.ChannelLost as error:
                is_over = False
                self._record(b"lost", briefs.cut(str(error)))
            else:
                is_over = is_over or not self._cases
                self._record(b"done" if is_over else b"fresh")
            connection.close()
            self._flush()
            if is_over:
                return

    def close(self) -> None:
        """Let go of its descriptors."""
        self._control.close()
        os.close(self._results)

    def _plan(self) -> None:
        """Set the cases aside that need the program's live objects, and find out all expected values."""
        separated = []
        for case in self._cases:
            number = case[1]
            if case[0] == "call" and not self._expect(case):
                continue
            if number in self._shared:
                self._record(b"shared", b"%d" % number, self._shared[number].encode())
            else:
                separated.append(case)
        self._cases = deque(separated)

    def _expect(self, case: "tuple[Any, ...]") -> bool:
        """Have an expected value for a call; False where there is none."""
        _, number, name, arguments, keyword_arguments, expected, oracle, *_ = case
        if expected is not None:
            self._known[number] = expected
        if number in self._known:
            return True
        self._record(b"oracle", b"%d" % number)
        self._flush()
        try:
            function = self._oracle(oracle)[name]
            positional: Any = values.decode(arguments)
            keywords: Any = values.decode(keyword_arguments) if keyword_arguments else {}
            answer = function(*positional, **keywords)
            if case[7] == comparators.EVALPLUS_NOT_NONE:  # what it is, if it is anything, is not asked
                answer = answer is not None
            self._known[number] = values.encode(answer, max_bytes=channel.VALUE_BYTES)
        except BaseException as error:
            self._record(b"unexpected", b"%d" % number, briefs.cut(f"{type(error).__name__}: {briefs.message(error)}"))
            return False
        self._record(b"expected", b"%d" % number, self._known[number])
        return True

    def _oracle(self, number: int) -> "dict[str, Any]":
        if number not in self._loaded_oracles:
            namespace = {"__name__": "oracle", "__builtins__": builtins}
            exec(compile(self._oracles[number], "<oracle>", "exec", dont_inherit=True), namespace)
            self._loaded_oracles[number] = namespace
        return self._loaded_oracles[number]

    def _next_candidate(self) -> "channel.Channel | None":
        space = _socket.CMSG_SPACE(_RIGHTS_BYTES)
        message, ancillary, _, _ = self._control.recvmsg(1, space, _socket.MSG_CMSG_CLOEXEC)
        if not ancillary:
            return None  # the host wants no more verdicts
        if message == channel.GIVEN_UP:
            self._cases.popleft()
        descriptor = int.from_bytes(ancillary[0][2], sys.byteorder)
        return channel.Channel(_socket.socket(fileno=descriptor))

    def _judge(self, connection: channel.Channel) -> bool:
        """Put the cases to a candidate; False when no other needs to be tried. Raises ChannelLost."""
        kind, content, _, _ = connection.receive(self._flush)
        if kind != channel.LOADED:
            if kind != channel.RAISED:
                raise channel.ChannelLost("neither loaded nor failed to")
            name, message, at, *_ = stubs.told(content)
            self._failed(b"unloaded", name, message, at)
            return False
        self._record(b"loaded")
        # Other names are not there for the test code either. Of Python's own, the candidate says which is meant.
        self._names = frozenset(stubs.text(content, channel.NAMES_BYTES).split()) | builtins.__dict__.keys()
        line = stubs.Line(connection, self._flush)
        namespace: dict[str, Any] = {"__name__": "test", "__builtins__": builtins}
        if self._setup:
            namespace |= {name: stubs.Stub(name, line) for name in self._setup_stubs & self._names}
            error = _run(self._setup, "<setup>", namespace, line)
            if error is not None:
                self._failed(b"unprepared", *(error.__dict__.get("told") or _described(error)))
                return False
        while self._cases:
            calls = self._next_calls()
            if calls:
                self._run_calls(connection, calls)
            else:
                self._run_check(line, namespace, self._cases[0])
            if self._fresh:
                break
        return True

    def _failed(self, what: bytes, kind: str, message: str, line: int) -> None:
        self._record(what, briefs.cut(kind), briefs.cut(message), b"%d" % line)

    def _next_calls(self) -> "list[tuple[Any, ...]]":
        """The calls before the next check."""
        calls: list[tuple[Any, ...]] = []
        for case in self._cases:
            if case[0] != "call" or (calls and self._fresh):
                break
            calls.append(case)
        return calls

    def _run_calls(self, connection: channel.Channel, calls: "list[tuple[Any, ...]]") -> None:
        """Have several calls on their way at once, for a round trip costs more than a short call."""
        sent = answered = on_the_way = 0
        began = time.monotonic_ns()
        sizes = [len(case[2]) + len(case[3]) + len(case[4]) for case in calls]
        while answered < len(calls):
            if sent == answered or (sent - answered <= _WINDOW_CALLS // 2 and on_the_way <= _WINDOW_BYTES // 2):
                messages = []
                while sent < len(calls) and (
                    sent == answered or (sent - answered < _WINDOW_CALLS and on_the_way + sizes[sent] <= _WINDOW_BYTES)
                ):
                    _, _, name, arguments, keyword_arguments, *_ = calls[sent]
                    messages.append(channel.message(channel.CALL, name.encode(), arguments, keyword_arguments))
                    on_the_way += sizes[sent]
                    sent += 1
                if messages:
                    connection.send(messages, self._flush)
            answer = connection.receive(self._flush)
            now = time.monotonic_ns()
            self._conclude(calls[answered], answer, now - began)
            began = now
            on_the_way -= sizes[answered]
            answered += 1
            self._cases.popleft()

    def _conclude(self, case: "tuple[Any, ...]", answer: "tuple[int, bytes, bytes, bytes]", taken: int) -> None:
        _, number, _, arguments, _, _, _, rule, relative, absolute = case
        kind, content, _, covered = answer
        frame = self._known[number]
        if kind == channel.RAISED:
            name, message, line, own, _ = stubs.told(content)
            verdict = b"OUT_OF_MEMORY" if own == "MemoryError" else b"ERROR"
            self._end(number, verdict, taken, covered, raised=(name, message, line))
            return
        if kind in (channel.UNFIT, channel.ITERATOR) and rule == comparators.EVALPLUS_NOT_NONE:
            kind, content = channel.VALUE, values.encode(True)
        if kind not in (channel.VALUE, channel.UNFIT, channel.ITERATOR):
            raise channel.ChannelLost("no answer to a call")
        if kind == channel.VALUE and content == frame and rule in (comparators.EQUAL, comparators.UNORDERED):
            self._end(number, b"PASSED", taken, covered)
            return
        if len(content) + len(frame) > _LARGE_BYTES:
            self._flush()  # earlier cases have their verdicts whatever becomes of this one
        try:
            wanted = values.decode(frame)
            inputs = values.decode(arguments) if rule == comparators.EVALPLUS_ROOT else ()
        except values.ValueEncodingError as error:
            self._end(number, b"ERROR", taken, covered, message=f"the case holds what is no value: {error}")
            return
        if kind != channel.VALUE:
            message = "gave an iterator, which equals no other value"
            if kind == channel.UNFIT:
                message = _unfit(stubs.text(content[1:]))
            self._end(number, b"FAILED", taken, covered, expected=briefs.brief(wanted), message=message)
            return
        given = stubs.decoded(content)
        if comparators.same(rule, wanted, given, relative, absolute, inputs):  # type: ignore[arg-type]
            self._end(number, b"PASSED", taken, covered)
        else:
            self._end(number, b"FAILED", taken, covered, actual=briefs.brief(given), expected=briefs.brief(wanted))

    def _run_check(self, line: stubs.Line, namespace: "dict[str, Any]", case: "tuple[Any, ...]") -> None:
        _, number, source = case
        here = self._stubs[number] & self._names
        names = namespace | {name: stubs.Stub(name, line) for name in here if name not in namespace}
        line.fault, line.covered = None, []
        self._flush()  # earlier cases have their verdicts whatever this code does
        verdict, message = b"PASSED", ""
        raised: tuple[str, str, int] | None = None
        began = time.monotonic_ns()
        error = _run(source, f"<case {number}>", names, line)
        taken = time.monotonic_ns() - began
        if isinstance(error, stubs.UnfitAnswer):
            verdict, message = b"FAILED", _unfit(str(error))
        elif error is not None:
            raised = error.__dict__.get("told")
            if raised is not None:
                verdict = b"OUT_OF_MEMORY" if isinstance(error, MemoryError) else b"ERROR"
            else:
                kind, told, at = _described(error)
                raised = kind, " ".join(filter(None, (told, _place(error, f"<case {number}>", source)))), at
                verdict = b"FAILED" if isinstance(error, AssertionError) else b"ERROR"
        self._cases.popleft()
        self._end(number, verdict, taken, b",".join(line.covered), message=message, raised=raised)

    def _end(
        self,
        number: int,
        verdict: bytes,
        taken: int,
        covered: bytes,
        *,
        actual: str = "",
        expected: str = "",
        message: str = "",
        raised: "tuple[str, str, int] | None" = None,
    ) -> None:
        if verdict == b"PASSED" and not covered:
            self._passed.append(b"%d" % taken)
            return
        kind, text, at = raised or ("", "", 0)
        told = (actual, expected, message, kind, text)
        fields = (b"%d" % number, verdict, b"%d" % taken, *map(briefs.cut, told), b"%d" % at, _arcs(covered))
        self._record(b"end", *fields)

    def _record(self, *fields: bytes) -> None:
        self._record_passed()
        self._records.append(frames.pack(frames.pack(*fields)))

    def _record_passed(self) -> None:
        if self._passed:
            passed, self._passed = self._passed, []
            self._record(b"passed", b",".join(passed))

    def _flush(self) -> None:
        self._record_passed()
        data = b"".join(self._records)
        self._records.clear()
        while data:
            data = data[_write(self._results, data) :]


def _run(source: bytes, name: str, names: "dict[str, Any]", line: stubs.Line) -> BaseException | None:
    """Run test code; return what it raised, or swallowed and should not have. Raises ChannelLost."""
    raised: BaseException | None = None
    try:
        exec(compile(source, name, "exec", dont_inherit=True), names)
    except BaseException as error:
        raised = error
    if line.lost:  # whatever the test code made of it
        raise channel.ChannelLost(line.lost)
    return line.fault or raised


def _place(error: BaseException, name: str, source: bytes) -> str:
    """Where in the test code it was raised."""
    line = briefs.line_in(name, error)
    if not line:
        return ""
    text = source.split(b"\n")[line - 1].strip()[:_SHOWN_BYTES].decode("utf-8", "replace")
    return f"(line {line} of the test: {text})"


def _unfit(why: str) -> str:
    return f"gave what can't cross: {why}; a test of live objects must say shared=True"


def _arcs(claimed: bytes) -> bytes:
    """The pairs of lines in what a candidate claims to have run."""
    arcs = []
    for arc in claimed.split(b",", _MAXIMUM_ARCS)[:_MAXIMUM_ARCS]:
        start, _, end = arc.partition(b"-")
        if all(line.isdigit() and len(line) <= _LINE_DIGITS for line in (start, end)):
            arcs.append(arc)
    return b",".join(arcs)


def _described(error: BaseException) -> "tuple[str, str, int]":
    """Type and message of what test code raised; no line of the program is to blame."""
    return type(error).__name__, briefs.message(error), 0
