"""Short texts for people to read.

Those of values are made without running anything's own code for it, so only for what the value encoding can carry.
Python's own repr refuses integers of more digits than it likes, and
writes out megabytes of which two lines are kept.
"""

if False:  # for the type checker only
    from collections.abc import Iterable, Iterator

LIMIT = 2000
"""Characters of a text at most, but for a mark where it is cut."""

_DIGITS_BITS = 4000
_BRACKETS: "dict[object, tuple[str, str]]" = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


def brief(value: object) -> str:
    """Return the value's repr, cut after LIMIT characters."""
    text = ""
    for part in _parts(value):
        text += part
        if len(text) > LIMIT:
            return text[:LIMIT] + "…"
    return text


def message(error: BaseException) -> str:
    """Return what an exception says of itself."""
    try:
        return str(error)
    except BaseException:
        return "(its message can't be read)"


def line_in(path: str, error: BaseException) -> int:
    """The line of a file in which an exception was raised, or went through last; 0 for none."""
    line = 0
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def cut(text: str) -> bytes:
    """Encode a text for a record, cut after LIMIT characters."""
    shown = text if len(text) <= LIMIT else text[:LIMIT] + "…"
    return shown.encode("utf-8", "backslashreplace")


def _parts(value: object) -> "Iterator[str]":
    kind = type(value)
    if kind is int and value.bit_length() > _DIGITS_BITS:  # type: ignore[attr-defined]
        yield f"<int of {value.bit_length()} bits>"  # type: ignore[attr-defined]
    elif kind in (str, bytes, bytearray):
        yield repr(value[: LIMIT + 1])  # type: ignore[index]
    elif kind in (set, frozenset) and not value:
        yield f"{kind.__name__}()"
    elif kind in _BRACKETS:
        opening, closing = _BRACKETS[kind]
        yield opening
        yield from _joined(value if kind in (list, tuple) else _sorted(value))  # type: ignore[arg-type]
        yield "," + closing if kind is tuple and len(value) == 1 else closing  # type: ignore[arg-type]
    elif kind is dict:
        yield from _pairs(value)  # type: ignore[arg-type]
    elif isinstance(value, dict):
        yield kind.__name__ + "("
        yield from _pairs(value)
        yield ")"
    elif kind.__name__ == "deque":
        yield "deque(["
        yield from _joined(value)  # type: ignore[arg-type]
        yield "])"
    else:
        try:
            yield repr(value)
        except ValueError:  # it holds an integer of too many digits
            yield f"<{kind.__name__} of very many digits>"


def _joined(items: "Iterable[object]") -> "Iterator[str]":
    for number, item in enumerate(items):
        if number:
            yield ", "
        yield from _parts(item)


def _pairs(mapping: "dict[object, object]") -> "Iterator[str]":
    yield "{"
    for number, (key, item) in enumerate(mapping.items()):
        if number:
            yield ", "
        yield from _parts(key)
        yield ": "
        yield from _parts(item)
    yield "}"


def _sorted(members: object) -> "list[object]":
    # The same set is to read the same each time, where its members have an order.
    try:
        return sorted(members)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        return list(members)  # type: ignore[call-overload, no-any-return]
