"""How prompts look: the few-shot text of Austin et al. (2021), programs to complete, and chats."""

import enum
from dataclasses import dataclass

from trialbox.synthesis.prompts.prompt import Message, Prompt
from trialbox.synthesis.tasks import Task

BEGIN, DONE = "[BEGIN]", "[DONE]"
"""What stands before and after a program in few-shot prompts."""

MBPP_OPENING = "You are an expert Python programmer, and here is your task: "
_TESTS = " Your code should pass these tests:\n\n"
_BETWEEN_SHOTS = "\n\n"

# Where HumanEval's functions end (Chen et al., 2021).
_AFTER_A_FUNCTION = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
# A program that begins with nothing but a docstring may hold functions and classes in any number.
_AFTER_A_PROGRAM = ('\n"""', "\nassert", "\nif __name__", "\nprint")


class PromptError(ValueError):
    """A task can't be put into a format, or a format can't be made."""


class Style(enum.StrEnum):
    """What kind of text a model is shown."""

    FEW_SHOT = "few-shot"
    """Solved examples, then the task; the model goes on after [BEGIN] and ends with [DONE]."""
    COMPLETION = "completion"
    """The beginning of a program as the data set gives it; the model goes on."""
    CHAT = "chat"
    """Messages; the tokenizer's own template makes a text of them, in the backend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A solved task to show."""

    task_id: str
    prompt: str
    asserts: tuple[str, ...]
    code: str

    @classmethod
    def of(cls, task: Task) -> "Example":
        """The task with its reference, line ends as Python reads them: nearly all of MBPP's programs hold CR LF.

        Raises PromptError where it has no reference.
        """
        if task.reference is None:
            raise PromptError(f"{task.task_id} has no reference, so it can't be an example")
        return cls(task_id=task.task_id, prompt=task.prompt, asserts=task.asserts, code=_with_newlines(task.reference))


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFormat:
    """Makes prompts of tasks.

    The few-shot format is the paper's, byte by byte:

        You are an expert Python programmer, and here is your task: {prompt} Your code should pass these tests:

        {tests}
        [BEGIN]
        {code}
        [DONE]

    An empty line stands between examples. Where no asserts are shown or the data set has none, so as MathQA, `[BEGIN]`
    comes right after the task's own words.
    """

    style: Style
    examples: tuple[Example, ...] = ()
    """Shown in this order; a task is not shown itself."""
    shown_asserts: int = 3
    """How many of the data set's asserts are shown, from the first."""
    opening: str = MBPP_OPENING
    """Comes before the task's own words."""
    closing: str = ""
    """Ends a message of a chat: in what form the answer should be."""
    system: str = ""
    """The first message of a chat, where there is one."""

    def __post_init__(self) -> None:
        if self.shown_asserts < 0:
            raise PromptError(f"shown_asserts is {self.shown_asserts}; 0 and more are allowed")
        if self.style is Style.COMPLETION and self.examples:
            raise PromptError("a program to complete is shown without examples; style few-shot or chat have them")

    def prompt(self, task: Task) -> Prompt:
        """What a model is shown of a task.

        Raises PromptError where the task doesn't suit the style.
        """
        match self.style:
            case Style.COMPLETION:
                if not task.prompt_is_code:
                    raise PromptError(f"{task.task_id} is told in words: style completion needs a prompt that is code")
                return Prompt(task_id=task.task_id, content=task.prompt, stop=_completion_stops(task))
            case Style.FEW_SHOT:
                if task.prompt_is_code:
                    raise PromptError(f"the prompt of {task.task_id} is code: style few-shot needs one in words")
                return Prompt(task_id=task.task_id, content=self._few_shot(task), stop=(DONE,))
            case Style.CHAT:
                return Prompt(task_id=task.task_id, content=self._chat(task))

    def _few_shot(self, task: Task) -> str:
        shots = [
            f"{self._told(one.prompt, one.asserts)}\n{BEGIN}\n{one.code}\n{DONE}" for one in self._examples_for(task)
        ]
        return _BETWEEN_SHOTS.join([*shots, f"{self._told(task.prompt, task.asserts)}\n{BEGIN}\n"])

    def _chat(self, task: Task) -> tuple[Message, ...]:
        messages = [Message(role="system", content=self.system)] if self.system else []
        for one in self._examples_for(task):
            messages.append(self._asked(one.prompt, one.asserts, is_code=task.prompt_is_code))
            messages.append(Message(role="assistant", content=_fenced(one.code)))
        return (*messages, self._asked(task.prompt, task.asserts, is_code=task.prompt_is_code))

    def _asked(self, prompt: str, asserts: tuple[str, ...], *, is_code: bool) -> Message:
        told = f"{self.opening}\n\n{_fenced(prompt)}" if is_code else self._told(prompt, asserts)
        return Message(role="user", content=f"{told}\n\n{self.closing}" if self.closing else told)

    def _told(self, prompt: str, asserts: tuple[str, ...]) -> str:
        tests = _with_newlines("\n".join(asserts[: self.shown_asserts]))
        return f"{self.opening}{_with_newlines(prompt)}{_TESTS if tests else ''}{tests}"

    def _examples_for(self, task: Task) -> list[Example]:
        # Files of one data set may use an id twice, as MathQA's do, and its tasks the same words.
        return [one for one in self.examples if (one.task_id, one.prompt) != (task.task_id, task.prompt)]


def _completion_stops(task: Task) -> tuple[str, ...]:
    inside = task.entry_point is not None and f"def {task.entry_point}(" in task.prompt
    return _AFTER_A_FUNCTION if inside else _AFTER_A_PROGRAM


def _fenced(code: str) -> str:
    code = _with_newlines(code)
    return f"```python\n{code}{'' if code.endswith(chr(10)) else chr(10)}```"


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
