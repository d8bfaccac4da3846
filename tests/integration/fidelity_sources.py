"""The programs whose behaviour in the jail is held against plain Python's.

One file, or one folder with a main.py and the files beside it, is one program. Lines at
its top of the form `# args: ...` (shell words) and `# stdin: ...` (a Python expression)
say what it is given. Sources that are not well-formed text stand in MALFORMED below.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FOLDER = Path(__file__).with_name("fidelity_programs")

MALFORMED = {
    "source_empty": b"",
    "source_without_final_newline": b"print('no newline')",
    "source_with_crlf": b"def f():\r\n    return 'x'\r\n\r\nprint(f())\r\nraise ValueError('line 5')\r\n",
    "source_with_lone_cr": b"x = 1\rprint(x)\r",
    "source_with_byte_order_mark": b"\xef\xbb\xbfprint('marked')\n1 / 0\n",
    "source_in_latin_1": b"# -*- coding: latin-1 -*-\nprint('na\xefve')\nraise ValueError('na\xefve')\n",
    "source_in_unknown_encoding": b"# -*- coding: no-such-codec -*-\nprint(1)\n",
    "source_in_undeclared_latin_1": b"print('na\xefve')\n",
    "source_with_null_byte": b"print(1)\nprint('\x00')\n",
    "source_with_form_feed": b"\x0cprint(1)\n\x0c\nprint(2)\n",
    "source_with_tabs_and_spaces": b"if True:\n\tprint(1)\n        print(2)\n",
    "source_with_bad_indentation": b"def f():\nreturn 1\n",
    "source_with_unexpected_indentation": b"x = 1\n    y = 2\n",
    "source_with_syntax_error": b"print(1)\nfor x in range(3)\n    print(x)\n",
    "source_with_unclosed_bracket": b"values = [1, 2,\nprint(values)\n",
    "source_with_unclosed_string": b"text = 'never ends\nprint(text)\n",
    "source_with_invalid_character": "price = 5€\n".encode(),
    "source_with_return_outside_function": b"print(1)\nreturn 2\n",
    "source_of_python_2": b"print 'hello'\n",
    "source_with_shebang": b"#!/usr/bin/env python\nprint('ran')\n",
    "source_with_very_long_line": b"x = '" + b"a" * 100_000 + b"'\nprint(len(x))\n",
    "source_deeply_nested": b"x = " + b"(" * 250 + b")" * 250 + b"\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityProgram:
    """A program and what it is given."""

    name: str
    source: bytes
    files: dict[str, bytes] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    stdin: bytes = b""


def programs() -> Iterator[FidelityProgram]:
    """Yield every program, by name."""
    for path in sorted(_FOLDER.iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            files = {
                str(file.relative_to(path)): file.read_bytes()
                for file in path.rglob("*")
                if file.is_file() and "__pycache__" not in file.parts
            }
            yield _parse(path.name, files.pop("main.py"), files)
        elif path.suffix == ".py":
            yield _parse(path.stem, path.read_bytes(), {})
    for name, source in MALFORMED.items():
        yield FidelityProgram(name=name, source=source)


def _parse(name: str, source: bytes, files: dict[str, bytes]) -> FidelityProgram:
    args: tuple[str, ...] = ()
    stdin = b""
    for line in source.decode().splitlines():
        if line.startswith("# args: "):
            args = tuple(shlex.split(line.removeprefix("# args: ")))
        elif line.startswith("# stdin: "):
            value = eval(line.removeprefix("# stdin: "), {})
            stdin = value.encode() if isinstance(value, str) else value
        else:
            break
    return FidelityProgram(name=name, source=source, files=files, args=args, stdin=stdin)
