"""Test code meets the program's functions as stubs: what they return and raise is of a closed list."""

import builtins
import importlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.guest import frames
from trialbox.v1 import values

channel = importlib.import_module("trialbox.server.guest.channel")
stubs = importlib.import_module("trialbox.server.guest.stubs")

_EXCEPTIONS = {
    name: kind for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
}
_NEVER_OWN = {"BaseException", "BaseExceptionGroup", "Exception", "ExceptionGroup"}
_NEVER_OWN |= {"GeneratorExit", "KeyboardInterrupt", "StopAsyncIteration", "StopIteration", "SystemExit"}
_UNICODE = {"UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError"}


def told(kind: str, message: str, line: bytes, own: str, argument: str | None = None) -> bytes:
    """What tells of an exception."""
    texts = [text.encode() for text in (kind, message, own, message if argument is None else argument)]
    return frames.pack(*texts[:2], line, *texts[2:])


class Candidate:
    """A candidate that the test plays: what it answers lies ready before it is called."""

    def __init__(self, before_waiting: Callable[[], object] | None = None) -> None:
        own, other = socket.socketpair()
        self.channel = channel.Channel(other)
        self.judges_end = channel.Channel(own)
        self.line = stubs.Line(self.judges_end, before_waiting)
        self.function = stubs.Stub("f", self.line)

    def close(self) -> None:
        self.channel.close()
        self.judges_end.close()

    def answers(self, kind: int, content: bytes = b"", mirrored: bytes = b"", covered: bytes = b"") -> None:
        self.channel.send([channel.message(kind, content, mirrored, covered)])

    def returns(self, value: object, mirrored: object = None) -> None:
        changed = b"" if mirrored is None else values.encode(mirrored)
        self.answers(channel.VALUE, values.encode(value), changed)

    def raises(self, own: str, message: str = "why", kind: str = "Kind", line: bytes = b"3") -> None:
        self.answers(channel.RAISED, told(kind, message, line, own))

    def was_called(self) -> tuple[str, object, object]:
        """Function, arguments and keyword arguments of the next call."""
        kind, name, arguments, keywords = self.channel.receive()
        assert kind == channel.MIRRORED_CALL
        return name.decode(), values.decode(arguments), values.decode(keywords) if keywords else {}


@pytest.fixture
def candidate() -> Iterator[Candidate]:
    with closing(Candidate()) as made:
        yield made


def test_a_call_crosses_with_its_arguments_and_the_answer_comes_back(candidate: Candidate) -> None:
    candidate.returns({"a": [1.5, None]})
    assert candidate.function(1, ["x"], key=(True,)) == {"a": [1.5, None]}
    assert candidate.was_called() == ("f", (1, ["x"]), {"key": (True,)})
    candidate.returns(None)
    assert candidate.function() is None
    assert candidate.was_called() == ("f", (), {})


def test_a_stub_goes_by_the_functions_name(candidate: Candidate) -> None:
    assert candidate.function.__name__ == candidate.function.__qualname__ == "f"


@pytest.mark.parametrize("name", sorted(_EXCEPTIONS.keys() - _NEVER_OWN - _UNICODE))
def test_pythons_own_exceptions_cross_by_name(candidate: Candidate, name: str) -> None:
    candidate.raises(name)
    with pytest.raises(_EXCEPTIONS[name]) as caught:
        candidate.function()
    assert type(caught.value) is _EXCEPTIONS[name]
    assert caught.value.args == ("why",)


@pytest.mark.parametrize("name", sorted(_UNICODE))
def test_those_that_can_not_be_made_of_a_message_cross_as_what_they_derive_from(
    candidate: Candidate, name: str
) -> None:
    candidate.raises(name)
    with pytest.raises(UnicodeError, match="why") as caught:
        candidate.function()
    assert type(caught.value) is UnicodeError


@pytest.mark.parametrize(
    "name",
    [*sorted(_NEVER_OWN), "", "Made", "SkipTest", "int", "object", "print", "builtins.ValueError", "ChannelLost"],
)
def test_all_else_arrives_as_a_candidate_error(candidate: Candidate, name: str) -> None:
    candidate.raises(name)
    with pytest.raises(stubs.CandidateError, match="why"):
        candidate.function()
    assert issubclass(stubs.CandidateError, Exception)


def test_what_was_raised_is_told_as_it_was_sent(candidate: Candidate) -> None:
    candidate.raises("ValueError", "why", "Made", b"12")
    with pytest.raises(ValueError) as caught:
        candidate.function()
    assert caught.value.told == ("Made", "why", 12)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("line", "told"), [(b"-5", 0), (b"0", 0), (b"9" * 30, 2**31)])
def test_a_line_is_one_that_a_program_may_have(candidate: Candidate, line: bytes, told: int) -> None:
    candidate.raises("ValueError", line=line)
    with pytest.raises(ValueError) as caught:
        candidate.function()
    assert caught.value.told[2] == told  # type: ignore[attr-defined]


def test_texts_are_cut_and_need_not_be_utf_8(candidate: Candidate) -> None:
    candidate.answers(channel.RAISED, frames.pack(b"K\xff", b"m" * 100_000, b"1", b"ValueError", b"a"))
    with pytest.raises(ValueError) as caught:
        candidate.function()
    kind, message, _ = caught.value.told  # type: ignore[attr-defined]
    assert (kind, len(message)) == (r"K\xff", 8000)


_LIST = values.encode(([],))
_NO_ANSWERS: dict[str, tuple[int, bytes, bytes]] = {
    "value that is none": (channel.VALUE, b"\xff", b""),
    "value with more behind it": (channel.VALUE, values.encode(1) + b"\0", b""),
    "no value": (channel.VALUE, b"", b""),
    "mirrored arguments that are none": (channel.VALUE, values.encode(1), b"\xff"),
    "mirrored arguments that are no tuple": (channel.VALUE, values.encode(1), values.encode(([[]], {}))),
    "mirrored arguments of other names": (channel.VALUE, values.encode(1), values.encode((([],), {"a": 1}))),
    "mirrored arguments of one kind": (channel.VALUE, values.encode(1), values.encode((([],),))),
    "mirrored arguments that are fewer": (channel.VALUE, values.encode(1), values.encode(((), {}))),
    "mirrored arguments that are more": (channel.VALUE, values.encode(1), values.encode((([], []), {}))),
    "exception that is no frame": (channel.RAISED, b"garbage", b""),
    "exception of nothing": (channel.RAISED, b"", b""),
    "exception of too few fields": (channel.RAISED, frames.pack(b"K", b"m", b"1", b"K"), b""),
    "exception of too many fields": (channel.RAISED, frames.pack(b"K", b"m", b"1", b"K", b"a", b"x"), b""),
    "line of no number": (channel.RAISED, told("K", "m", b"x", "K"), b""),
    "line too long for a number": (channel.RAISED, told("K", "m", b"9" * 5000, "K"), b""),
    "iterator of no values": (channel.ITERATOR, b"\xff", b""),
    "iterator of what is no list": (channel.ITERATOR, values.encode(5), b""),
    "loaded again": (channel.LOADED, b"", b""),
    "unknown kind": (77, b"x", b""),
}


@pytest.mark.parametrize("name", _NO_ANSWERS)
def test_what_is_no_answer_loses_the_candidate_for_good(candidate: Candidate, name: str) -> None:
    candidate.answers(*_NO_ANSWERS[name])
    candidate.returns("too late")
    for _ in range(2):
        with pytest.raises(channel.ChannelLost):
            candidate.function([])
    assert candidate.line.lost
    assert candidate.was_called() == ("f", ([],), {})
    candidate.judges_end.close()
    with pytest.raises(channel.ChannelLost):
        candidate.was_called()  # there was no second call


def test_a_candidate_that_is_gone_is_lost_for_good(candidate: Candidate) -> None:
    candidate.channel.close()
    for _ in range(2):
        with pytest.raises(channel.ChannelLost):
            candidate.function()
    assert candidate.line.lost == "the process is gone"


_any_values = st.sampled_from([1, [], ([],), ([1],), "a"]).map(values.encode)


@given(st.integers(0, 5), st.binary(max_size=20) | _any_values, st.binary(max_size=20) | _any_values)
def test_whatever_is_answered_a_value_comes_or_one_of_the_exceptions(kind: int, content: bytes, more: bytes) -> None:
    with closing(Candidate()) as candidate:
        candidate.answers(kind, content, more)
        try:
            answer = candidate.function([])
        except (stubs.CandidateError, channel.ChannelLost):
            assert candidate.line.lost or kind == channel.RAISED
        else:
            assert type(answer) in (int, list, tuple, str, bool, type(None), stubs.Opaque, type(iter([])))


@pytest.mark.parametrize(("truth", "is_true"), [(b"1", True), (b"0", False), (b"", False), (b"\xff", False)])
def test_an_answer_that_can_not_cross_is_something_of_which_the_truth_may_be_asked(
    candidate: Candidate, truth: bytes, is_true: bool
) -> None:
    candidate.answers(channel.UNFIT, truth + b"why" if truth else b"")
    answer = candidate.function()
    assert answer is not None
    assert bool(answer) is is_true
    assert candidate.line.fault is None


_USES = """
answer == 1 | 1 != answer | answer < 1 | 1 >= answer | answer == answer | answer in [1] | 1 in answer
answer + 1 | 1 + answer | "a" + answer | [1] + answer | answer * 2 | -answer | abs(answer) | ~answer
answer[0] | answer() | answer.x | answer.__class__ | answer.__dict__ | len(answer) | list(answer) | iter(answer)
next(answer) | sorted(answer) | reversed(answer) | hash(answer) | {answer: 1} | {answer} | str(answer) | repr(answer)
bytes(answer) | format(answer) | "%s" % answer | "%d" % answer | f"{answer}" | int(answer) | float(answer)
complex(answer) | range(answer) | round(answer) | divmod(answer, 2) | pow(2, answer) | [1][answer] | max(answer, 1)
isinstance(answer, list) | hasattr(answer, "x") | setattr(answer, "x", 1) | dict(answer) | set(answer) | zip(answer)
[*answer] | {**answer} | sum([answer]) | print(answer, file=io.StringIO()) | asyncio.run(answer) | copy.copy(answer)
copy.deepcopy(answer) | pickle.dumps(answer) | json.dumps(answer) | math.floor(answer) | math.isclose(answer, 1)
"""


@pytest.mark.parametrize("use", [use.strip() for line in _USES.strip().splitlines() for use in line.split(" | ")])
def test_any_other_use_of_what_can_not_cross_is_no_exception_and_not_forgotten(candidate: Candidate, use: str) -> None:
    candidate.answers(channel.UNFIT, b"1a value of type Node can't cross")
    answer = candidate.function()
    names = {name: importlib.import_module(name) for name in ("asyncio", "copy", "io", "json", "math", "pickle")}
    with pytest.raises(stubs.UnfitAnswer, match="type Node"):
        eval(use, {**names, "answer": answer})
    assert isinstance(candidate.line.fault, stubs.UnfitAnswer)
    assert not issubclass(stubs.UnfitAnswer, Exception)
    candidate.returns(1)
    assert candidate.function() == 1  # the candidate is none the worse


def test_a_with_statement_over_what_can_not_cross_is_no_use_of_it_either(candidate: Candidate) -> None:
    candidate.answers(channel.UNFIT, b"1why")
    with pytest.raises(stubs.UnfitAnswer), candidate.function():
        pass


def test_an_iterator_arrives_as_one_that_gives_the_same(candidate: Candidate) -> None:
    candidate.answers(channel.ITERATOR, values.encode([1, [2]]))
    answer = candidate.function()
    assert iter(answer) is answer
    assert list(answer) == [1, [2]]
    assert list(answer) == []


def test_an_exception_has_the_argument_that_the_program_gave_it(candidate: Candidate) -> None:
    candidate.answers(channel.RAISED, told("KeyError", "'a'", b"3", "KeyError", "a"))
    with pytest.raises(KeyError) as caught:
        candidate.function()
    assert caught.value.args == ("a",)
    assert caught.value.told == ("KeyError", "'a'", 3)  # type: ignore[attr-defined]


class _Own:
    """A type of the test's own."""


@pytest.mark.parametrize("call", [lambda f: f(_Own()), lambda f: f(1, [print]), lambda f: f(key=_Own)])
def test_arguments_that_can_not_cross_are_not_sent_and_not_forgotten(
    candidate: Candidate, call: Callable[[Any], object]
) -> None:
    candidate.returns(2)
    with pytest.raises(TypeError, match=r"^f is called with what can't cross: .*; mark the case shared=True$"):
        call(candidate.function)
    assert isinstance(candidate.line.fault, stubs.UnfitArgument)
    assert candidate.function(1) == 2
    assert candidate.was_called() == ("f", (1,), {})


def test_changes_to_arguments_are_made_to_the_tests_own_objects(candidate: Candidate) -> None:
    items = [3, 1, 2]
    same = items
    candidate.returns(None, mirrored=(([1, 2, 3],), {}))
    candidate.function(items)
    assert same is items
    assert items == [1, 2, 3]


def test_keyword_arguments_are_changed_likewise(candidate: Candidate) -> None:
    items = [3, 1]
    candidate.returns(None, mirrored=((1,), {"items": [1, 3]}))
    candidate.function(1, items=items)
    assert items == [1, 3]


def test_changes_are_made_where_the_function_raised_as_well(candidate: Candidate) -> None:
    items = [3]
    why = told("ValueError", "why", b"1", "ValueError")
    candidate.answers(channel.RAISED, why, values.encode((([3, 4],), {})))
    with pytest.raises(ValueError):
        candidate.function(items)
    assert items == [3, 4]


def test_what_calls_covered_is_kept(candidate: Candidate) -> None:
    for covered in (b"0-1,1-2", b"", b"0-1"):
        candidate.answers(channel.VALUE, values.encode(None), covered=covered)
        candidate.function()
    assert candidate.line.covered == [b"0-1,1-2", b"0-1"]


def test_a_call_that_test_code_gives_up_half_way_leaves_no_answer_for_the_next() -> None:
    def alarm() -> None:
        raise TimeoutError("as from a signal's handler")

    with closing(Candidate(alarm)) as candidate:
        with pytest.raises(TimeoutError):
            candidate.function(1)
        candidate.returns("the first answer")
        with pytest.raises(channel.ChannelLost, match="half-way"):
            candidate.function(2)


def test_before_a_call_waits_what_was_told_is_sent() -> None:
    answers: list[int] = []

    def answer() -> None:
        answers.append(5)
        played.returns(5)

    with closing(Candidate(answer)) as played:
        assert played.function() == 5
    assert answers == [5]


def test_calls_from_several_threads_get_each_its_own_answer(candidate: Candidate) -> None:
    count, wrong = 50, list[tuple[int, object]]()

    def answer() -> None:
        for _ in range(3 * count):
            _, arguments, _ = candidate.was_called()
            candidate.returns(arguments)

    def call(start: int) -> None:
        for number in range(start, start + count):
            given = candidate.function(number)
            if given != (number,):
                wrong.append((number, given))

    threads = [threading.Thread(target=answer, daemon=True)]
    threads += [threading.Thread(target=call, args=(start,), daemon=True) for start in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
