"""Chooses a format for a data set, and the examples that it shows: as the paper did, unless asked otherwise."""

import random
from collections.abc import Sequence

from trialbox.synthesis.prompts.prompt_format import MBPP_OPENING, Example, PromptError, PromptFormat, Style
from trialbox.synthesis.tasks import MBPP_SPLITS, SelectionError, Task, TaskSet, select

_MATHQA_OPENING = "Please, solve the mathematical problem: "
_CODE_OPENING = "Complete this Python program."
_CLOSING = "Answer with the whole program, in one ```python block."
_MATHQA_CLOSING = "Answer with a Python program that leaves the result in `answer`, in one ```python block."

_SHOTS = {TaskSet.MBPP: 3, TaskSet.MATHQA: 4}
# The examples of Austin et al. (2021); for more of them, others of the same part.
_FIRST_EXAMPLES = ("2", "3", "4")


def choose_format(
    name: str,
    tasks: Sequence[Task],
    *,
    style: Style | None = None,
    shots: int | None = None,
    example_ids: Sequence[str | int] | None = None,
    prompt_seed: int | None = None,
    shown_asserts: int = 3,
    system: str = "",
) -> PromptFormat:
    """Choose how tasks of a data set are shown to a model.

    Args:
        name: The data set, as TaskSet has it.
        tasks: Where examples come from: the whole data set, or other tasks in its format, such as MathQA's dev file for
            its test file.
        style: By default COMPLETION where prompts are code, else FEW_SHOT.
        shots: How many examples; by default 3 for MBPP and 4 for MathQA with FEW_SHOT, else as many as `example_ids`.
        example_ids: These examples, in this order, as `select` reads ids.
        prompt_seed: Draws the examples: MBPP's from its part `prompt`, others from all of `tasks`. Without it they are
            MBPP's 2, 3 and 4, and of other data sets the first tasks.
        shown_asserts: How many of the data set's asserts a prompt shows.
        system: The first message of a chat.

    Raises:
        PromptError: This is no choice: too few tasks, or options that contradict each other.
        SelectionError: No task has an id that was given.
    """
    is_code = bool(tasks) and tasks[0].prompt_is_code
    style = style or (Style.COMPLETION if is_code else Style.FEW_SHOT)
    is_mathqa = name == TaskSet.MATHQA
    chat = style is Style.CHAT
    if example_ids is not None:
        if prompt_seed is not None:
            raise PromptError("examples are either given by example_ids or drawn by prompt_seed")
        if shots not in (None, len(example_ids)):
            raise PromptError(f"shots is {shots}, and example_ids has {len(example_ids)}")
        chosen = [task for one in example_ids for task in select(tasks, [one])]
    else:
        if shots is None:
            shots = _SHOTS.get(TaskSet(name), 0) if style is Style.FEW_SHOT else 0
        chosen = _choose(name, tasks, shots, prompt_seed)
    return PromptFormat(
        style=style,
        examples=tuple(map(Example.of, chosen)),
        shown_asserts=shown_asserts,
        opening=_CODE_OPENING if is_code else _MATHQA_OPENING if is_mathqa else MBPP_OPENING,
        closing="" if not chat else _MATHQA_CLOSING if is_mathqa else _CLOSING,
        system=system if chat else "",
    )


def _choose(name: str, tasks: Sequence[Task], shots: int, prompt_seed: int | None) -> list[Task]:
    if shots == 0:
        return []
    pool, whose = [task for task in tasks if task.reference is not None], "those with a reference"
    if name in (TaskSet.MBPP, TaskSet.MBPP_PLUS):
        try:
            part = select(pool, [MBPP_SPLITS["prompt"]])
        except SelectionError:  # the file has none of them
            part = []
        first = [task for task in part if task.task_id.rpartition("/")[2] in _FIRST_EXAMPLES]
        pool, whose = [*first, *(task for task in part if task not in first)], f"MBPP's {MBPP_SPLITS['prompt']}"
    if not 0 <= shots <= len(pool):
        raise PromptError(f"shots is {shots}; there are {len(pool)} tasks to choose from ({whose}); 0 needs none")
    return pool[:shots] if prompt_seed is None else random.Random(prompt_seed).sample(pool, shots)
