"""Makes what a model is shown of a task, and takes programs out of what it answers."""

from trialbox.synthesis.prompts.examples import choose_format
from trialbox.synthesis.prompts.extraction import extract
from trialbox.synthesis.prompts.prompt import Message, Prompt, Role
from trialbox.synthesis.prompts.prompt_format import Example, PromptError, PromptFormat, Style

__all__ = [
    "Example",
    "Message",
    "Prompt",
    "PromptError",
    "PromptFormat",
    "Role",
    "Style",
    "choose_format",
    "extract",
]
