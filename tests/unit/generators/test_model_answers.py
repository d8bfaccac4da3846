"""What a hostile server answers ends in an error that can be shown, and in no other exception."""

import json

import pytest

from trialbox.synthesis.generators.answers import AnswerError, complaint, read_answer, shown
from trialbox.synthesis.generators.generator import Request
from trialbox.synthesis.prompts import Prompt

_DEEP = "[" * 200_000


def _request() -> Request:
    prompt = Prompt(task_id="Mbpp/1", content="def f():", stop=())
    return Request(prompt=prompt, index=0, seed=1, temperature=0.0, top_p=1.0, max_tokens=8)


def test_an_answer_nested_too_deeply_is_refused() -> None:
    with pytest.raises(AnswerError, match="nested"):
        read_answer(_request(), _DEEP.encode(), 1.0)


def test_a_complaint_nested_too_deeply_is_shown_as_it_is() -> None:
    assert complaint(_DEEP).startswith("[[[")


def test_a_complaint_moves_no_cursor() -> None:
    assert shown(complaint(json.dumps({"error": "\x1b[2Jgone"}))) == r"\x1b[2Jgone"


@pytest.mark.parametrize("tokens", [-1, 2**63])
def test_a_count_of_tokens_that_no_answer_has_is_refused(tokens: int) -> None:
    body = {"choices": [{"finish_reason": "stop", "text": "x"}], "usage": {"completion_tokens": tokens}}

    with pytest.raises(AnswerError, match=r"usage\.completion_tokens"):
        read_answer(_request(), json.dumps(body).encode(), 1.0)
