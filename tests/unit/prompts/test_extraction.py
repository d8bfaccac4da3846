"""Programs are taken out of answers by rules on lines, in time in proportion to the answer's length."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialbox.client import Check, Suite
from trialbox.synthesis.prompts import extract
from trialbox.synthesis.prompts.prose import is_prose, without_prose
from trialbox.synthesis.tasks import SampleFile, Task, load

SUITE = Suite([Check("assert True")])
WORDS = Task(
    task_id="Mbpp/1", prompt="Double it.", reference=None, suite=SUITE, asserts=("assert double(len([1])) == 2",)
)
PROMPT = 'from typing import List\n\n\ndef half(n):\n    return n / 2\n\n\ndef double(n):\n    """Double it."""\n'
CODE = Task(
    task_id="HumanEval/1", prompt=PROMPT, reference=None, suite=SUITE, entry_point="double", prompt_is_code=True
)
DOCSTRING = Task(
    task_id="Mbpp/2", prompt='"""\nDouble it.\n"""\n', reference=None, suite=SUITE, entry_point="double",
    prompt_is_code=True,
)  # fmt: skip
DOUBLE = "def double(n):\n    return n * 2\n"

ANSWERS = {
    "bare": DOUBLE,
    "without a last line end": DOUBLE.rstrip(),
    "with CR LF": DOUBLE.replace("\n", "\r\n"),
    "up to DONE": f"{DOUBLE}[DONE]\n\nYou are an expert Python programmer\n[BEGIN]\nx = 1\n[DONE]",
    "with the prompt repeated": f"You are an expert: Double it.\n\nassert double(1) == 2\n[BEGIN]\n{DOUBLE}[DONE]",
    "fenced": f"```python\n{DOUBLE}```",
    "fenced without a language": f"```\n{DOUBLE}```\n",
    "fenced amid chatter": f"Sure! Here's one:\n\n```python\n{DOUBLE}```\nIt doubles `n`.",
    "fenced after words": f"Here it is: ```python\n{DOUBLE}```",
    "fenced with attributes": f"```Python title=double.py\n{DOUBLE}```",
    "fenced by more ticks": f"````py\n{DOUBLE}````",
    "fence left open": f"Sure:\n```python\n{DOUBLE}",
    "fence of a list's item": "1. Write:\n\n   ```python\n   def double(n):\n       return n * 2\n   ```",
    "fences of other languages": f"```bash\npip install x\n```\n```python\n{DOUBLE}```\n```text\n2\n```",
    "fence of usage before": f"Use it so:\n```python\nprint(double(2))\n```\nwhere\n```python\n{DOUBLE}```",
    "fence of a helper before": f"```python\ndef other(n): ...\n```\n```python\n{DOUBLE}```",
    "fence corrected later": f"```python\n{DOUBLE}```\nor\n```python\ndef double(n):\n    return n + n\n```",
    "fence that only closes": f"{DOUBLE}```\nThis doubles it.\n```python\ndef double(n): return 3\n```",
    "fence of output after": f"{DOUBLE}\nOutput:\n```text\n2\n```",
    "chatter before": f"Sure, here is the function:\n\n{DOUBLE}",
    "chatter after": f"{DOUBLE}\nThis function takes a number.\n\ndef more(): ...",
    "chatter of every kind": f"Python 3\nAnswer:\nOk.\nWhat?\n1. First\n> quoted\n- a list\n\n{DOUBLE}\nDone!",
    "chatter that is set in": f"  Here you are then:\n{DOUBLE}",
    "set in": "    def double(n):\n        return n * 2\n",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_program_is_found_in_an_answer(answer: str) -> None:
    found = extract(answer, WORDS)
    assert found is not None
    assert found.replace("\r", "").strip() == DOUBLE.strip()


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "set in"])
def test_a_program_is_found_that_comes_after_a_docstring(name: str) -> None:
    found = extract(ANSWERS[name], DOCSTRING)
    assert found is not None
    assert found.replace("\r", "").split() == (DOCSTRING.prompt + DOUBLE).split()


@pytest.mark.parametrize(
    "answer",
    ["", " \n\t\n", "[DONE]", "[BEGIN]\n[DONE]", "```python\n```", "```", "I can't do that.", "Sorry\n\nno", "`x`"],
)
@pytest.mark.parametrize("task", [WORDS, CODE])
def test_an_answer_without_code_has_none(answer: str, task: Task) -> None:
    assert extract(answer, task) is None


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        ("    return n * 2\n", PROMPT + "    return n * 2\n"),
        ("\n    return n * 2", PROMPT + "\n    return n * 2\n"),
        ("```python\n    return n * 2\n```", PROMPT + "    return n * 2\n"),
        ("    return n * 2\n```\nThis doubles it.", PROMPT + "    return n * 2\n"),
        ("    return n * 2\n\nThis doubles it.", PROMPT + "    return n * 2\n"),
        ("    return half(n) * 4\n\ndef more(): ...", PROMPT + "    return half(n) * 4\n\ndef more(): ...\n"),
        # Whatever comes after the body, the answer goes on from the prompt.
        (f"    return 1\n{DOUBLE}", f"{PROMPT}    return 1\n{DOUBLE}"),
        # A whole function, with what the prompt has before it; the prompt again; a program with rules of its own.
        (DOUBLE, PROMPT[: PROMPT.index("def double")] + DOUBLE),
        (f"Here:\n```python\n{DOUBLE}```", PROMPT[: PROMPT.index("def double")] + DOUBLE),
        (f"{PROMPT}    return n * 2", f"{PROMPT}    return n * 2\n"),
        (f"from __future__ import annotations\n{DOUBLE}", f"from __future__ import annotations\n{DOUBLE}"),
    ],
)
def test_a_completion_goes_on_after_the_prompt_and_a_whole_function_does_not(answer: str, program: str) -> None:
    assert extract(answer, CODE) == program


def test_a_completion_begins_where_the_prompt_ends_and_what_was_fenced_on_a_line_of_its_own() -> None:
    task = Task(
        task_id="x", prompt="def f(n):", reference=None, suite=SUITE, entry_point="f", prompt_is_code=True
    )  # fmt: skip
    assert extract(" return 1", task) == "def f(n): return 1\n"
    assert extract("\n    return 1", task) == "def f(n):\n    return 1\n"
    assert extract("```\n    return 1\n```", task) == "def f(n):\n    return 1\n"


def test_nothing_is_mended() -> None:
    assert extract("```python\ndef double(n):\n    return n *", WORDS) == "def double(n):\n    return n *\n"


def test_what_a_task_puts_behind_programs_comes_behind_those_of_answers() -> None:
    task = Task(task_id="x", prompt="", reference=None, suite=SUITE, ending="\nend = 1\n")
    assert extract("answer = 2[DONE]", task) == "answer = 2\n\nend = 1\n"


def test_what_looks_like_prose_inside_of_a_string_is_kept() -> None:
    program = 'def double(n):\n    """Double.\n\nThis is told\nat the margin, "so" to say.\n"""\n    return n * 2\n'
    program += "text = '''\nSome more prose\n''' # isn't it?\nquote = \"it's \\\"\"\nlast = 1\n"
    assert extract(program, WORDS) == program


@pytest.mark.parametrize(
    "line",
    [
        "Here's",
        "a b",
        "f(x) returns it",
        "it works!",
        "why?",
        "naïve → no",
        "Hmm...",
        "Step 1:",
        "x.",
        "Note",
        "5 apples",
        "`x`",
    ],
)
def test_a_line_of_prose_is_told(line: str) -> None:
    assert is_prose(line)


@pytest.mark.parametrize(
    "line",
    ["x = 1", "f(x)", "print x", "x != y", "not x", "f'{x}'", "return'x'", "x: int", "é = 2", "x = 1.", "...", "@a.b",
     "match x:", "else:", "# it's a comment", "pass", "lambda x: x", ")", "1 if x else 2", "type A = int", ""],
)  # fmt: skip
def test_a_line_of_python_is_no_prose(line: str) -> None:
    assert not is_prose(line)


def test_no_line_of_the_standard_library_is_taken_for_prose() -> None:
    checked = 0
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[::3]:
        lines = path.read_text(encoding="utf-8").split("\n")
        assert without_prose(lines) == "\n".join(lines), path
        checked += 1
    assert checked > 30


PIECES = st.sampled_from(
    ["```", "`", "```python\n", "\n", " ", "    ", "\t", "\r\n", "def double(n):", "return n", "[DONE]", "[BEGIN]",
     '"""', "'''", "'", '"', "\\", "#", "words of prose", "é", "\u2028", "\x00", "\ud800", "class ", "async ",
     "x = 1", "(", "!"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join), st.sampled_from([WORDS, CODE, DOCSTRING]))
@example("`" * 100_000, WORDS)
@example("```\n" * 20_000, CODE)
def test_any_answer_has_a_program_made_of_its_lines_or_none(answer: str, task: Task) -> None:
    found = extract(answer, task)
    assert extract(answer, task) == found
    if found is not None:
        given_text = answer + task.prompt
        assert found.strip()
        assert all(line.strip() in given_text for line in found.split("\n"))


@given(st.lists(st.sampled_from(["    n += 1", "", "    # note", '    """Text"""']), min_size=1))
def test_code_alone_is_taken_as_it_is(lines: list[str]) -> None:
    code = "\n".join([DOUBLE.rstrip(), *lines]).rstrip() + "\n"
    assert extract(code, WORDS) == extract(f"```python\n{code}```", WORDS) == code


HOSTILE = ["`", "```\n", "```python\n", "`a", "[BEGIN]", "\n", " ", '"""', "'", "\\", "'\\", "a ", "def ", "async ",
           "\ndef f", "(", "1", "é", "x = 1\n", "words of prose\n", '"""\n', " \n", "[DONE", "a`", "\t`"]  # fmt: skip


def test_a_hostile_answer_of_half_a_megabyte_takes_no_longer_than_any_other() -> None:
    # In quadratic time one of them would take minutes or hours; all of them together get one.
    program = "import sys\nfrom test_extraction import HOSTILE, WORDS\nfrom trialbox.synthesis.prompts import extract\n"
    program += "for piece in HOSTILE: extract('def double(n):\\n' + piece * (500_000 // len(piece)), WORDS)"
    folder = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": folder}, check=True, timeout=60)


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("mbpp", "mbpp.jsonl", 974),
        ("humaneval", "HumanEval.jsonl.gz", 164),
        ("mbpp+", "MbppPlus.jsonl.gz", 378),
        ("mathqa", "mathqa-dev.json", 2822),
    ],
)
def test_published_solutions_are_found_whole(data_folder: Path, name: str, file: str, count: int) -> None:
    tasks = load(name, data_folder / file)
    for task in tasks:
        assert task.reference is not None
        whole = task.whole(task.reference.strip() + "\n").strip()
        assert (extract(task.reference, task) or "").strip() == whole
        if task.prompt_is_code:
            assert (extract(task.reference.removeprefix(task.prompt), task) or "").strip() == whole
    assert len(tasks) == count


@pytest.mark.needs_data
def test_published_samples_are_found_whole(data_folder: Path) -> None:
    samples = SampleFile(data_folder / "samples-mbpp-gpt4.jsonl", load("mbpp", data_folder / "mbpp.jsonl"))
    for sample in samples:
        for answer in (sample.source, f"Here is the solution:\n\n```python\n{sample.source}\n```\n\nIt works."):
            assert (extract(answer, sample.task) or "").strip() == sample.source.strip()
