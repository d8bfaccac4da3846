"""What a model is shown: a text to go on with, or a chat to answer."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What a model is shown for a task."""

    task_id: str
    content: str | tuple[Message, ...]
    """A text that the model goes on with, or a chat that it answers by its own template."""
    stop: tuple[str, ...] = ()
    """A completion ends before the first of these."""

    @cached_property
    def prompt_id(self) -> str:
        """The same for the same content and stop strings: 16 hexadecimal digits of their SHA-256."""
        content = self.content if isinstance(self.content, str) else [asdict(message) for message in self.content]
        return hashlib.sha256(json.dumps([content, self.stop]).encode()).hexdigest()[:16]
