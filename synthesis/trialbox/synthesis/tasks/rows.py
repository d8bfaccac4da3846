"""Rows of JSON and JSON Lines files, gzipped or not, whose errors say where the fault lies."""

import enum
import gzip
import hashlib
import io
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar, cast

_Item = TypeVar("_Item")
_Choice = TypeVar("_Choice", bound=enum.StrEnum)
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_BYTES = 256 << 20
"""Of a file that is read whole, unpacked; a few megabytes are usual."""
_MOST_LINE_CHARACTERS = 64 << 20
MOST_DIGITS = 18
"""Of a number in an id; Python reads none of thousands."""
_SHOWN = 300


class TaskFileError(ValueError):
    """A file of tasks or samples can't be used; the message names file, line and field."""


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object of a file and where it stood: `tasks.jsonl, line 3`."""

    place: str
    fields: Mapping[str, Any]
    within: str = ""
    """What its fields' names begin with, where it is part of another row: `calls[0].`."""

    def __contains__(self, field: str) -> bool:
        return field in self.fields

    def value(self, field: str) -> Any:
        """Whatever `field` holds; raises TaskFileError where the row doesn't have it."""
        if field not in self.fields:
            self.fail(field, f"is missing; the row has {', '.join(map(repr, self.fields)) or 'no fields'}")
        return self.fields[field]

    def text(self, field: str) -> str:
        """The string in `field`; raises TaskFileError."""
        return self._value_of(str, "a string", field)

    def texts(self, field: str) -> list[str]:
        """The list of strings in `field`; raises TaskFileError."""
        return self._list_of(str, "a string", field)

    def identifier(self, field: str) -> str:
        """The string or whole number in `field`, as text; raises TaskFileError."""
        value = self.value(field)
        # True and False are ints to Python.
        if type(value) not in (int, str):
            self.fail(field, f"must be a string or a whole number, not {_kind(value)}")
        text = str(value)
        # It is shown on terminals, and kept as UTF-8.
        if not text.isprintable():
            self.fail(field, f"must be printable, in one line, not {text!r}")
        return text

    def number(self, field: str, text: str) -> int:
        """The whole number that `text`, which stands in `field`, is written as; raises TaskFileError."""
        if not text.isdecimal() or len(text) > MOST_DIGITS:
            self.fail(field, f"must be a whole number, not {text!r}; it may have {MOST_DIGITS} digits")
        return int(text)

    def function_name(self, field: str) -> str:
        """The Python name in `field`, safe to put into test code; raises TaskFileError."""
        name = self.text(field)
        if not name.isidentifier():
            self.fail(field, f"must be a function's name, not {name!r}")
        return name

    def lists(self, field: str) -> list[list[Any]]:
        """The list of lists in `field`; raises TaskFileError."""
        return self._list_of(list, "a list", field)

    def tolerance(self, field: str) -> float:
        """The number in `field`, finite and not negative; raises TaskFileError."""
        value = self.value(field)
        # True and False are ints to Python.
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(field, f"must be a number, not {_kind(value)}")
        if not 0 <= value < math.inf:
            self.fail(field, f"must be a finite number that isn't negative, not {value}")
        return value

    def truth(self, field: str) -> bool:
        """The true or false in `field`; raises TaskFileError."""
        return self._value_of(bool, "true or false", field)

    def one_of(self, choices: type[_Choice], field: str) -> _Choice:
        """The member of an enum that `field` names; raises TaskFileError."""
        name = self.text(field)
        if name not in tuple(choices):
            self.fail(field, f"must be one of {', '.join(choices)}, not {name!r}")
        return choices(name)

    def items(self, field: str) -> list[Any]:
        """The list in `field`; raises TaskFileError."""
        return self._value_of(list, "a list", field)

    def mapping(self, field: str) -> dict[str, Any]:
        """The object in `field`; raises TaskFileError."""
        return self._value_of(dict, "an object", field)

    def rows(self, field: str) -> list["Row"]:
        """The list of objects in `field`, each a row; raises TaskFileError."""
        items = self._list_of(dict, "an object", field)
        return [Row(self.place, item, f"{self.within}{field}[{number}].") for number, item in enumerate(items)]

    def allow(self, *fields: str) -> None:
        """Refuse fields other than these; raises TaskFileError."""
        for field in self.fields:
            if field not in fields:
                self.fail(field, f"is none of {', '.join(fields)}")

    def fail(self, field: str, complaint: str) -> NoReturn:
        """Raise TaskFileError about `field`."""
        told = complaint if len(complaint) <= _SHOWN else f"{complaint[:_SHOWN]}..."
        raise TaskFileError(f"{self.place}, field {self.within + field!r:.{_SHOWN}}: {told}")

    def _value_of(self, kind: type[_Item], name: str, field: str) -> _Item:
        value = self.value(field)
        if not isinstance(value, kind):
            self.fail(field, f"must be {name}, not {_kind(value)}")
        return value

    def _list_of(self, kind: type[_Item], name: str, field: str) -> list[_Item]:
        value = self.value(field)
        if not isinstance(value, list):
            self.fail(field, f"must be a list of {name.split()[1]}s, not {_kind(value)}")
        for number, item in enumerate(value):
            if not isinstance(item, kind):
                self.fail(f"{field}[{number}]", f"must be {name}, not {_kind(item)}")
        return value


def read_rows(path: Path) -> list[Row]:
    """Read a file that holds a JSON array of objects, or one object a line.

    Raises TaskFileError when it holds anything else or nothing, OSError when it can't be read.
    """
    text = _read_text(path)
    # Not splitlines: a JSON string may hold U+2028 and its like as they are.
    rows = _array(path, text) if text.lstrip().startswith("[") else list(_lines(path, text.split("\n")))
    if not rows:
        raise TaskFileError(f"{path}: holds no rows")
    return rows


def stream_rows(path: Path) -> Iterator[Row]:
    """Read the rows of a file one by one, as they are asked for; of an array, all at the first.

    Raises what read_rows does, when it comes to the fault.
    """
    try:
        with _open(path) as file:
            for line in _bounded(path, file):
                if line.strip():
                    break
            else:
                raise TaskFileError(f"{path}: holds no rows")
            file.seek(0)
            if line.lstrip().startswith("["):
                yield from read_rows(path)
                return
            yield from _lines(path, _bounded(path, file))
    except UnicodeDecodeError as error:
        raise TaskFileError(f"{path}: is not UTF-8: {error}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TaskFileError(f"{path}: is not a whole gzip file: {error}") from error


def content_md5(path: Path) -> str:
    """The MD5 of a file's content, unpacked: what evalplus calls the hash of a data set.

    Raises TaskFileError, and OSError when the file can't be read.
    """
    return hashlib.md5(_read_bytes(path), usedforsecurity=False).hexdigest()


def _read_bytes(path: Path) -> bytes:
    try:
        with _open_bytes(path) as file:
            data = file.read(_MOST_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TaskFileError(f"{path}: is not a whole gzip file: {error}") from error
    if len(data) > _MOST_BYTES:
        raise TaskFileError(f"{path}: holds more than {_MOST_BYTES >> 20} MiB, unpacked")
    return data


def _open_bytes(path: Path) -> IO[bytes]:
    """The content of a file, unpacked; of no pipe or device, which may never come or never end."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise TaskFileError(f"{path}: is no regular file, and is read more than once")
        with path.open("rb") as file:
            packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        return cast(IO[bytes], gzip.open(path) if packed else path.open("rb"))
    except OSError as error:
        raise _unreadable(path, error) from error


def _open(path: Path) -> IO[str]:
    return io.TextIOWrapper(_open_bytes(path), encoding="utf-8-sig", newline="\n")


def _bounded(path: Path, file: IO[str]) -> Iterator[str]:
    """The lines of a file, none too long to be held."""
    while line := file.readline(_MOST_LINE_CHARACTERS + 1):
        if len(line) > _MOST_LINE_CHARACTERS:
            raise TaskFileError(f"{path}: has a line of more than {_MOST_LINE_CHARACTERS >> 20} MiB")
        yield line


def _unreadable(path: Path, error: OSError) -> OSError:
    return type(error)(f"can't read {path}: {error.strerror}")


def _read_text(path: Path) -> str:
    try:
        return _read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskFileError(f"{path}: is not UTF-8: {error}") from error


def _array(path: Path, text: str) -> list[Row]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise TaskFileError(f"{path}: is not JSON: {error}") from error
    except RecursionError as error:
        raise TaskFileError(f"{path}: is nested too deeply") from error
    return [_row(f"{path}, item {number}", value) for number, value in enumerate(values, start=1)]


def _lines(path: Path, lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = f"{path}, line {number}"
            try:
                value = json.loads(line)
            except ValueError as error:
                raise TaskFileError(f"{place}: is not JSON: {error}") from error
            except RecursionError as error:
                raise TaskFileError(f"{place}: is nested too deeply") from error
            yield _row(place, value)


def _row(place: str, value: object) -> Row:
    if not isinstance(value, dict):
        raise TaskFileError(f"{place}: must be an object, not {_kind(value)}")
    return Row(place, value)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
