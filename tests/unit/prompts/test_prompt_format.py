"""Prompts are the paper's, byte by byte."""

from pathlib import Path
from typing import Any

import pytest

from trialbox.client import Check, Suite
from trialbox.synthesis.prompts import Message, PromptError, PromptFormat, Style, choose_format
from trialbox.synthesis.tasks import SelectionError, Task, TaskSet, load, select

SUITE = Suite([Check("assert True")])


def task(number: int, **fields: Any) -> Task:
    given_fields: dict[str, Any] = {
        "task_id": f"Mbpp/{number}",
        "prompt": f"Say {number}.",
        "reference": f"def say():\r\n  return {number} ",
        "asserts": (f"assert say() == {number}", "assert say()", "assert True", "assert not False"),
        "suite": SUITE,
    }
    return Task(**given_fields | fields)


TASKS = [task(number) for number in (1, 2, 3, 4, 5, 11, 12)]
OPENING = "You are an expert Python programmer, and here is your task: "
FUNCTION = task(1, prompt="def say():\n", prompt_is_code=True, entry_point="say", asserts=())
DOCSTRING = task(1, prompt='"""\nSay 1.\n"""\n', prompt_is_code=True, entry_point="say", asserts=())


def shot(number: int) -> str:
    return (
        f"{OPENING}Say {number}. Your code should pass these tests:\n\n"
        f"assert say() == {number}\nassert say()\nassert True\n[BEGIN]\ndef say():\n  return {number} \n[DONE]"
    )


def asked(number: int) -> str:
    return shot(number).partition("def say")[0]


def text(found: PromptFormat, of: Task) -> str:
    content = found.prompt(of).content
    assert isinstance(content, str)
    return content


def test_the_few_shot_format_is_the_papers() -> None:
    prompt = choose_format("mbpp", TASKS).prompt(TASKS[-1])
    assert prompt.content == "\n\n".join([shot(2), shot(3), shot(4), asked(12)])
    assert prompt.stop == ("[DONE]",)
    assert prompt.task_id == "Mbpp/12"


@pytest.mark.needs_data
def test_the_papers_prompt_of_a_published_task_is_this(data_folder: Path) -> None:
    tasks = load("mbpp", data_folder / "mbpp.jsonl")
    content = text(choose_format("mbpp", tasks, shots=1), select(tasks, ["11"])[0])
    assert content == (
        "You are an expert Python programmer, and here is your task: Write a function to find the similar elements "
        "from the given two tuple lists. Your code should pass these tests:\n\n"
        "assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)\n"
        "assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)\n"
        "assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)\n"
        "[BEGIN]\n"
        "def similar_elements(test_tup1, test_tup2):\n"
        "  res = tuple(set(test_tup1) & set(test_tup2))\n"
        "  return (res) \n"
        "[DONE]\n\n"
        "You are an expert Python programmer, and here is your task: Write a python function to remove first and last "
        "occurrence of a given character from the string. Your code should pass these tests:\n\n"
        'assert remove_Occ("hello","l") == "heo"\n'
        'assert remove_Occ("abcda","a") == "bcd"\n'
        'assert remove_Occ("PHP","P") == "H"\n'
        "[BEGIN]\n"
    )


@pytest.mark.needs_data
def test_no_prompt_of_a_published_task_holds_a_carriage_return(data_folder: Path) -> None:
    tasks = load("mbpp", data_folder / "mbpp.jsonl")
    found = choose_format("mbpp", tasks, shots=10)
    assert [one.task_id for one in found.examples] == [f"Mbpp/{number}" for number in (2, 3, 4, 1, 5, 6, 7, 8, 9, 10)]
    assert not any("\r" in text(found, one) for one in tasks)


@pytest.mark.parametrize(
    ("shown", "tests"),
    [
        (0, ""),
        (1, " Your code should pass these tests:\n\nassert say() == 12"),
        (3, " Your code should pass these tests:\n\nassert say() == 12\nassert say()\nassert True"),
    ],
)
def test_so_many_asserts_are_shown(shown: int, tests: str) -> None:
    found = choose_format("mbpp", TASKS, shots=0, shown_asserts=shown)
    assert text(found, TASKS[-1]) == f"{OPENING}Say 12.{tests}\n[BEGIN]\n"


def test_a_task_without_asserts_shows_none() -> None:
    assert text(choose_format("jsonl", []), task(1, asserts=())) == f"{OPENING}Say 1.\n[BEGIN]\n"


def test_a_task_is_not_shown_its_own_solution() -> None:
    assert text(choose_format("mbpp", TASKS), TASKS[2]) == "\n\n".join([shot(2), shot(4), asked(3)])


def ids(found: PromptFormat) -> list[str]:
    return [one.task_id.removeprefix("Mbpp/") for one in found.examples]


def test_examples_are_those_given_in_the_order_given() -> None:
    assert ids(choose_format("mbpp", TASKS, example_ids=["12", 2, "Mbpp/5"])) == ["12", "2", "5"]


def test_a_prompt_seed_draws_examples_of_the_part_that_is_for_them() -> None:
    drawn = [ids(choose_format("mbpp", TASKS, prompt_seed=seed)) for seed in range(15)]
    assert drawn == [ids(choose_format("mbpp", TASKS, prompt_seed=seed)) for seed in range(15)]
    assert {number for one in drawn for number in one} == {"1", "2", "3", "4", "5"}
    assert len({tuple(one) for one in drawn}) > 10
    assert all(len(set(one)) == 3 for one in drawn)


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("mbpp", {"shots": 6}, "shots is 6; there are 5 tasks to choose from (MBPP's 1-10); 0 needs none"),
        ("mbpp", {"shots": -1}, "shots is -1; there are 5 tasks to choose from"),
        ("mbpp", {"shots": 2, "example_ids": ["2"]}, "shots is 2, and example_ids has 1"),
        ("mbpp", {"prompt_seed": 1, "example_ids": ["2"]}, "examples are either given by example_ids or drawn by"),
        ("mbpp", {"shown_asserts": -1}, "shown_asserts is -1; 0 and more are allowed"),
        ("mbpp", {"style": Style.COMPLETION, "shots": 1}, "a program to complete is shown without examples"),
        ("mathqa", {"shots": 8}, "shots is 8; there are 7 tasks to choose from (those with a reference)"),
    ],
)
def test_what_is_no_choice_is_refused(name: str, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PromptError) as raised:
        choose_format(name, TASKS, **options)
    assert complaint in str(raised.value)


def test_an_example_needs_an_id_that_is_there_and_a_reference() -> None:
    with pytest.raises(SelectionError, match="no task has the id '99'"):
        choose_format("mbpp", TASKS, example_ids=["99"])
    with pytest.raises(PromptError, match="Mbpp/1 has no reference, so it can't be an example"):
        choose_format("mbpp", [task(1, reference=None)], example_ids=["1"])


def test_mathqa_has_four_shots_and_words_of_its_own() -> None:
    tasks = [
        task(number, task_id=f"MathQA/{number}", reference=f"answer = {number}", asserts=()) for number in range(6)
    ]
    found = choose_format("mathqa", tasks)
    assert text(found, tasks[5]) == "\n\n".join(
        [
            *(
                f"Please, solve the mathematical problem: Say {number}.\n[BEGIN]\nanswer = {number}\n[DONE]"
                for number in range(4)
            ),
            "Please, solve the mathematical problem: Say 5.\n[BEGIN]\n",
        ]
    )


def test_a_function_to_complete_is_shown_as_it_is_and_ends_before_the_next() -> None:
    prompt = choose_format("humaneval", [FUNCTION]).prompt(FUNCTION)
    assert prompt.content == "def say():\n"
    assert prompt.stop == ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


def test_a_program_after_a_docstring_may_hold_several_functions() -> None:
    prompt = choose_format("mbpp+", [DOCSTRING]).prompt(DOCSTRING)
    assert prompt.content == '"""\nSay 1.\n"""\n'
    assert not {"\ndef", "\nclass", "\n#", "\nif"} & set(prompt.stop)


@pytest.mark.parametrize(
    ("style", "of", "complaint"),
    [
        (Style.COMPLETION, TASKS[0], "Mbpp/1 is told in words: style completion needs a prompt that is code"),
        (Style.FEW_SHOT, FUNCTION, "the prompt of Mbpp/1 is code: style few-shot needs one in words"),
    ],
)
def test_a_task_that_does_not_suit_the_style_is_refused(style: Style, of: Task, complaint: str) -> None:
    with pytest.raises(PromptError, match=complaint):
        PromptFormat(style=style).prompt(of)


def test_a_chat_asks_for_a_fenced_program_and_shows_examples_as_turns() -> None:
    found = choose_format("mbpp", TASKS, style=Style.CHAT, shots=1, shown_asserts=1, system="Be brief.")
    closing = "Answer with the whole program, in one ```python block."
    tests = "Your code should pass these tests:\n\nassert say()"
    assert found.prompt(TASKS[-1]).content == (
        Message(role="system", content="Be brief."),
        Message(role="user", content=f"{OPENING}Say 2. {tests} == 2\n\n{closing}"),
        Message(role="assistant", content="```python\ndef say():\n  return 2 \n```"),
        Message(role="user", content=f"{OPENING}Say 12. {tests} == 12\n\n{closing}"),
    )
    assert found.prompt(TASKS[-1]).stop == ()


def test_a_chat_shows_code_to_complete_in_a_fence() -> None:
    content = choose_format("humaneval", [FUNCTION], style=Style.CHAT).prompt(FUNCTION).content
    assert not isinstance(content, str)
    (message,) = content
    assert message.content.startswith("Complete this Python program.\n\n```python\ndef say():\n```\n\nAnswer with")


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("name", "file", "style"),
    [
        (TaskSet.MBPP, "sanitized-mbpp.json", Style.FEW_SHOT),
        (TaskSet.MBPP_PLUS, "MbppPlus.jsonl.gz", Style.COMPLETION),
        (TaskSet.HUMANEVAL, "HumanEval.jsonl.gz", Style.COMPLETION),
        (TaskSet.MATHQA, "mathqa-test.json", Style.FEW_SHOT),
    ],
)
@pytest.mark.parametrize("chat", [False, True])
def test_every_published_task_has_a_prompt(data_folder: Path, name: str, file: str, style: Style, chat: bool) -> None:
    tasks = load(name, data_folder / file)
    found = choose_format(name, tasks, style=Style.CHAT if chat else None)
    assert found.style is (Style.CHAT if chat else style)
    assert len({found.prompt(one).prompt_id for one in tasks}) == len({(one.prompt, one.asserts) for one in tasks})
