"""Takes the program out of what a model answered, by rules that look at lines only; it compiles nothing.

1. What comes after the first `[DONE]` is dropped, and before that what comes before the last `[BEGIN]`.
2. Where there are fences, the program is one of the blocks between them; the last may be left open. Blocks in Python or
   in no named language go before others. Of several it is the first that defines the task's function (where the data
   set doesn't name it: one that its asserts call), else the first that defines anything, else the first. Where code
   comes before a first fence that doesn't name Python, the program is that code: the fence closes what the prompt had
   opened, or shows something else.
3. Without fences, the lines of prose before the program are dropped, and all from the next such line on.
4. What goes on after a prompt that is code is put behind it. An answer that defines the task's function anew is a whole
   program; it gets what the prompt has before that function, such as imports, unless it repeats that.

Nothing is mended: an answer that ends too early is a program that ends too early. All of it takes time in proportion to
the answer's length.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trialbox.synthesis.prompts.prompt_format import BEGIN, DONE
from trialbox.synthesis.prompts.prose import without_prose
from trialbox.synthesis.tasks import Task

_FENCE = "`"
_LEAST_TICKS = 3
_NAMES_OF_PYTHON = ("python", "python3", "py", "py3")
_DEFINITION = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
_CALLED = re.compile(r"\b(\w+)\(")


def extract(text: str, task: Task) -> str | None:
    """Make of an answer the whole program to grade; None where it holds no code."""
    blocks, before = _blocks(_between_marks(text))
    code = "" if blocks and blocks[0].language in _NAMES_OF_PYTHON else without_prose(before)
    fenced = not code.strip()
    if fenced:
        code = _chosen(blocks, task)
    return _assembled(code, task, fenced=fenced) if code.strip() else None


def _between_marks(text: str) -> str:
    end = text.find(DONE)
    text = text if end < 0 else text[:end]
    begin = text.rfind(BEGIN)
    return text if begin < 0 else text[begin + len(BEGIN) :]


@dataclass(slots=True)
class _Block:
    language: str
    ticks: int
    indent: int
    lines: list[str]
    closed: bool = False

    @property
    def code(self) -> str:
        return "\n".join(self.lines)


def _blocks(text: str) -> tuple[list[_Block], list[str]]:
    """The fenced blocks, and the lines before the first; all, where there is none."""
    blocks: list[_Block] = []
    before: list[str] = []
    for line in text.split("\n"):
        block = blocks[-1] if blocks and not blocks[-1].closed else None
        if block is None:
            opened = _opened(line)
            if opened is not None:
                blocks.append(opened)
            elif not blocks:
                before.append(line)
        elif _closes(line.strip(), block.ticks):
            block.closed = True
        else:
            block.lines.append(line[min(block.indent, _indent(line)) :])
    return blocks, before


def _opened(line: str) -> _Block | None:
    """The block that a line opens: one that ends with three ticks or more and perhaps a language's name."""
    head, tick, info = line.strip().rpartition(_FENCE)
    head += tick
    before = head.rstrip(_FENCE)
    ticks = len(head) - len(before)
    language = info.strip().split(maxsplit=1)[0].lower() if info.strip() else ""
    # After words on the same line only a language makes it a fence.
    if ticks < _LEAST_TICKS or (before and language not in _NAMES_OF_PYTHON):
        return None
    return _Block(language, ticks, 0 if before else _indent(line), [])


def _closes(line: str, ticks: int) -> bool:
    return len(line) >= ticks and not line.strip(_FENCE)


def _chosen(blocks: Sequence[_Block], task: Task) -> str:
    codes = [block.code for block in blocks if block.language in ("", *_NAMES_OF_PYTHON)] or [
        block.code for block in blocks
    ]
    wanted = {task.entry_point} if task.entry_point else {name for one in task.asserts for name in _CALLED.findall(one)}
    defined = [set(_DEFINITION.findall(code)) for code in codes]
    for suits in (lambda names: names & wanted, bool):
        for code, names in zip(codes, defined, strict=True):
            if suits(names):
                return code
    return next((code for code in codes if code.strip()), "")


def _assembled(code: str, task: Task, *, fenced: bool) -> str:
    code = code.rstrip() + "\n"
    if not task.prompt_is_code:
        return task.whole(_dedented(code))
    if not _is_indented(code) and task.entry_point in _DEFINITION.findall(code):
        preamble = _before_function(task)
        repeated = code.lstrip().startswith(preamble.strip()) or "from __future__" in code
        return task.whole(code if repeated else preamble + code)
    # What stood between fences began a line; other text goes on where the prompt ends.
    return task.complete(f"\n{code}" if fenced and not task.prompt.endswith("\n") else code)


def _before_function(task: Task) -> str:
    for found in _DEFINITION.finditer(task.prompt):
        if found[1] == task.entry_point:
            return task.prompt[: found.start()]
    return task.prompt


def _dedented(code: str) -> str:
    """A whole program begins at the margin; where it is set in, all of it is."""
    lines = code.lstrip("\r\n").split("\n")
    indent = _indent(lines[0])
    margin = lines[0][:indent]
    if indent and all(line.startswith(margin) or not line.strip() for line in lines):
        lines = [line[indent:] for line in lines]
    return "\n".join(lines)


def _is_indented(code: str) -> bool:
    return _indent(code.lstrip("\r\n")) > 0


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
