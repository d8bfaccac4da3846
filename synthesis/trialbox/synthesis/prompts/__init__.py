"""Makes what a model is shown of a task, and takes programs out of what it answers."""

from trialbox.synthesis.prompts.prompt import Message, Prompt, Role

__all__ = ["Message", "Prompt", "Role"]
