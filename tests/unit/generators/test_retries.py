"""What a Retry-After header may say, and what an answer's body may hold."""

import email.utils
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wanted_samples import chat, request

from trialbox.synthesis.generators import GeneratorError
from trialbox.synthesis.generators.answers import AnswerError, complaint, read_answer, shown
from trialbox.synthesis.generators.retries import Attempt, Patience, asked_seconds

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "text": JSON,
        "finish_reason": JSON | st.sampled_from(["stop", "length", "content_filter"]),
        "message": JSON | st.fixed_dictionaries({}, optional={"content": JSON, "refusal": JSON}),
    },
)
BODY = st.fixed_dictionaries(
    {},
    optional={
        "choices": JSON | st.lists(CHOICE | JSON, max_size=2),
        "usage": JSON | st.fixed_dictionaries({}, optional={"completion_tokens": JSON}),
    },
)


@given(st.integers(min_value=0, max_value=10**9))
def test_a_number_is_seconds(seconds: int) -> None:
    assert asked_seconds(f" {seconds} ") == seconds


def test_a_date_is_what_is_left_until_then() -> None:
    asked = asked_seconds(email.utils.formatdate(time.time() + 1000, usegmt=True))
    assert asked is not None and 900 < asked <= 1000


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "1e3", "³", "Wed, 99 Oct 2015 07:28:00 GMT"])
def test_what_is_neither_says_nothing(text: str) -> None:
    assert asked_seconds(text) is None


@given(st.text())
def test_any_text_is_a_wait_or_nothing(text: str) -> None:
    asked = asked_seconds(text)
    assert asked is None or asked >= 0


@pytest.mark.parametrize(("is_reached", "seconds"), [(False, 1 + 2 + 4 + 3), (True, 1 + 2 + 4 + 8 + 16 + 32 + 60 + 7)])
def test_the_longest_time_is_that_of_all_waits_and_attempts(is_reached: bool, seconds: float) -> None:
    assert next(Patience().attempts()).longest_seconds(1, is_reached=is_reached) == seconds


async def test_a_wait_of_any_number_of_digits_is_too_long() -> None:
    with pytest.raises(GeneratorError, match="asks to wait inf s"):
        await Attempt(Patience(), 0).wait("busy", "9" * 400)


@given(BODY | JSON)
def test_any_body_is_a_completion_or_an_error_that_names_what_is_wrong(body: object) -> None:
    for wanted in (request(), request(chat("Do."))):
        try:
            read = read_answer(wanted, json.dumps(body).encode(), 1.0)
        except AnswerError as error:
            assert "field" in str(error)
        else:
            assert isinstance(read.text, str)


@given(st.text() | JSON.map(json.dumps))
def test_any_complaint_becomes_a_short_line(text: str) -> None:
    told = shown(complaint(text))
    assert len(told) <= 300 and "\n" not in told
