"""The program as a module of its own process: loads it, decodes what it is called with, tells of what it raises."""

import sys
import types

import briefs
import values

PATH = "/work/candidate.py"


def load() -> "dict[str, object]":
    """Run the program as a module, and return its names; raises what it raises."""
    module = types.ModuleType("candidate")
    module.__file__ = PATH
    sys.modules["candidate"] = module
    with open(PATH, "rb") as file:
        source = file.read()
    exec(compile(source, PATH, "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


def decoded_arguments(arguments: bytes, keyword_arguments: bytes) -> "tuple[tuple[object, ...], dict[str, object]]":
    """Decode what a function is to be called with; nothing means no keyword arguments."""
    positional = values.decode(arguments)
    keywords = values.decode(keyword_arguments) if keyword_arguments else {}
    if not isinstance(positional, tuple) or not isinstance(keywords, dict):
        raise TypeError("arguments come as a tuple, keyword arguments as a dict")
    return positional, keywords


def told(error: BaseException) -> "tuple[bytes, bytes, bytes]":
    """Type, message and line of the program, as three fields of a record."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    number = line if isinstance(line, int) and line > 0 else line_of(error)
    return briefs.cut(type(error).__name__), briefs.cut(briefs.message(error)), b"%d" % number


def line_of(error: BaseException) -> int:
    """The line of the program in which an exception was raised, or went through last; 0 for none."""
    return briefs.line_in(PATH, error)
