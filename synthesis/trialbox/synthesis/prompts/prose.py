"""Tells lines of prose from lines of Python, by what no line of Python has."""

import keyword
import re
from collections.abc import Sequence

_TOKEN = re.compile(r"[^\W\d]\w*|\d[\w.]*|\S")
_STRING_PREFIXES = frozenset(("r", "b", "u", "f", "rb", "br", "rf", "fr"))
# Those that are names elsewhere are the same in all versions of Python here. `print x` is no Python any more, but it is
# no prose either: whoever wrote it meant code.
_KEYWORDS = frozenset((*keyword.kwlist, "_", "case", "match", "type", "print", "exec"))
_STRING_OR_COMMENT = re.compile(r"""#|\"""|'''|"|'""")


def without_prose(lines: Sequence[str]) -> str:
    """The lines from the first to the last that may be code, with what stands between.

    They end before the first line of prose that begins at the margin and isn't inside of a string.
    """
    start = next((number for number, line in enumerate(lines) if line.strip() and not is_prose(line)), len(lines))
    if not any(line.strip() for line in lines[:start]):
        start = 0  # what goes on after a prompt may begin with the end of its last line
    inside = ""
    for number, line in enumerate(lines[start:], start):
        if not inside and not line[:1].isspace() and is_prose(line):
            return "\n".join(lines[start:number])
        inside = _string_left_open(line, inside)
    return "\n".join(lines[start:])


def is_prose(line: str) -> bool:
    """Whether a line can't be Python: words side by side, marks that it doesn't have, or nothing but a word."""
    line = line.strip()
    if line.startswith(("- ", "* ", ">")):
        return True
    match = _STRING_OR_COMMENT.search(line)
    code = line[: match.start()] if match else line
    tokens = _TOKEN.findall(code)
    if match and match[0] != "#":
        if tokens and code[-1:].isalnum() and tokens[-1].lower() not in _STRING_PREFIXES | _KEYWORDS:
            return True  # Here's
    elif tokens and (_ends_a_sentence(code.rstrip()) or (_is_name(tokens[0]) and tokens[1:] in ([], [":"]))):
        return True
    return any(map(_is_foreign, tokens, [*tokens[1:], ""])) or any(map(_side_by_side, tokens, tokens[1:]))


def _ends_a_sentence(code: str) -> bool:
    before = code.rstrip(".")[-1:]
    if code.endswith("..."):
        return before.isalnum()  # it may stand by itself
    return code.endswith(".") and not before.isdigit()


def _is_foreign(token: str, following: str) -> bool:
    # Names in any script are Python, signs beyond ASCII are not.
    return token in ("?", "$", "`") or (token == "!" and following != "=") or not (token.isascii() or token.isalnum())


def _side_by_side(token: str, following: str) -> bool:
    return (_is_name(following) or following[0].isdigit()) and (
        _is_name(token) or token[0].isdigit() or token in (")", "]")
    )


def _is_name(token: str) -> bool:
    return token.isidentifier() and token not in _KEYWORDS


def _string_left_open(line: str, inside: str) -> str:
    """The quotes of a string of several lines that is open after a line, given the one that was before."""
    position = 0
    while True:
        if inside:
            end = line.find(inside, position)
            if end < 0:
                return inside
            position, inside = end + len(inside), ""
        match = _STRING_OR_COMMENT.search(line, position)
        if match is None or match[0] == "#":
            return ""
        if match[0] in ('"""', "'''"):
            position, inside = match.end(), match[0]
        else:
            end = _end_of_string(line, match.end(), match[0])
            if end < 0:
                return ""
            position = end


def _end_of_string(line: str, position: int, quote: str) -> int:
    while True:
        end = line.find(quote, position)
        if end < 0:
            return -1
        backslashes = end - len(line[position:end].rstrip("\\")) - position
        if backslashes % 2 == 0:
            return end + 1
        position = end + 1
