"""Reads what an OpenAI-compatible server answers: completions, and what it says of a request that it refuses."""

import json
from typing import Any, NoReturn

from trialbox.synthesis.generators.generator import Completion, FinishReason, Request, before_stop
from trialbox.synthesis.one_line import one_line

_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "content_filter": FinishReason.REFUSED,
}
_SHOWN_CHARACTERS = 300


class AnswerError(ValueError):
    """An answer isn't as the protocol has it; the message names the field."""


def read_answer(request: Request, content: bytes, seconds: float) -> Completion:
    """Read the body of a completion or a chat completion; raises AnswerError."""
    try:
        body = json.loads(content)
    except ValueError as error:
        raise AnswerError(f"it is not JSON: {error}") from error
    except RecursionError as error:
        raise AnswerError("it is nested too deeply") from error
    choices = _field("choices", body, "choices", list)
    if len(choices) != 1:
        raise AnswerError(f"field 'choices' must hold one choice, not {len(choices)}")
    reason = _field("choices[0].finish_reason", choices[0], "finish_reason", str)
    if reason not in _REASONS:
        raise AnswerError(f"field 'choices[0].finish_reason' must be one of {', '.join(_REASONS)}, not {reason!r}")
    text, refused = _text(choices[0]) if isinstance(request.prompt.content, str) else _message(choices[0])
    return Completion(
        request=request,
        # Some servers leave the stop string in.
        text=before_stop(text, request.prompt.stop),
        finish_reason=FinishReason.REFUSED if refused else _REASONS[reason],
        tokens=_tokens(body),
        seconds=seconds,
    )


def complaint(text: str) -> str:
    """The message of an error's body."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = text
    for key in ("error", "message", "detail"):
        if isinstance(message, dict) and key in message:
            message = message[key]
    return message if isinstance(message, str) else json.dumps(message)


def shown(text: str) -> str:
    """What a server wrote, shortened, in one line, without what a terminal would obey."""
    return one_line(text, _SHOWN_CHARACTERS)


def _text(choice: dict[str, Any]) -> tuple[str, bool]:
    return _field("choices[0].text", choice, "text", str), False


def _message(choice: dict[str, Any]) -> tuple[str, bool]:
    message = _field("choices[0].message", choice, "message", dict)
    # A model that refuses says so beside the content, which is null then.
    if isinstance(message.get("refusal"), str) and message.get("content") is None:
        return "", True
    return _field("choices[0].message.content", message, "content", str), False


def _tokens(body: dict[str, Any]) -> int | None:
    if body.get("usage") is None:
        return None
    usage = _field("usage", body, "usage", dict)
    if "completion_tokens" not in usage:
        return None
    tokens: int = _field("usage.completion_tokens", usage, "completion_tokens", int)
    if not 0 <= tokens < 1 << 63:
        _fail("usage.completion_tokens", "from 0 to 2**63 - 1", tokens)
    return tokens


def _field(name: str, holder: object, key: str, kind: type[Any]) -> Any:
    if not isinstance(holder, dict):
        _fail(name.rpartition(".")[0] or "body", "an object", holder)
    if key not in holder:
        raise AnswerError(f"field {name!r} is missing")
    # True and False are ints to Python.
    if not isinstance(holder[key], kind) or isinstance(holder[key], bool):
        _fail(name, {list: "a list", dict: "an object", str: "a string", int: "a whole number"}[kind], holder[key])
    return holder[key]


def _fail(name: str, wanted: str, value: object) -> NoReturn:
    raise AnswerError(f"field {name!r} must be {wanted}, not {json.dumps(value)}")
