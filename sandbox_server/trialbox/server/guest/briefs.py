"""Short texts of values for people to read, made without running anything's own code for it.

Only for what the value encoding can carry. Python's own repr refuses integers of more digits than it likes, and
writes out megabytes of which two lines are kept.
"""

LIMIT = 2000
"""Characters of a text at most."""

_DIGITS_BITS = 4000
_BRACKETS: "dict[object, tuple[str, str]]" = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


def brief(value: object) -> str:
    """Return the value's repr, cut after LIMIT characters."""
    parts: list[str] = []
    _add(value, parts, LIMIT)
    text = "".join(parts)
    return text if len(text) <= LIMIT else text[:LIMIT] + "…"


def _add(value: object, parts: "list[str]", room: int) -> int:
    """Append the value's text; return how many characters are left, negative once it is to be cut."""
    kind = type(value)
    if kind is int:
        text = repr(value) if value.bit_length() <= _DIGITS_BITS else f"<int of {value.bit_length()} bits>"  # type: ignore[attr-defined]
    elif kind in (str, bytes, bytearray):
        text = repr(value[: room + 1]) if len(value) > room else repr(value)  # type: ignore[index, arg-type]
    elif kind in _BRACKETS:
        return _add_items(value, parts, room)
    elif kind is dict:
        return _add_pairs(value, parts, room)  # type: ignore[arg-type]
    elif isinstance(value, dict) or kind.__name__ == "deque":
        parts.append(kind.__name__ + "(")
        inner = dict(value) if isinstance(value, dict) else list(value)  # type: ignore[call-overload]
        room = _add(inner, parts, room - len(kind.__name__) - 2)
        parts.append(")")
        return room
    else:
        text = repr(value)
    parts.append(text)
    return room - len(text)


def _add_items(value: object, parts: "list[str]", room: int) -> int:
    kind = type(value)
    items = value if kind in (list, tuple) else _sorted(value)
    if not items and kind in (set, frozenset):
        parts.append(f"{kind.__name__}()")
        return room - len(kind.__name__) - 2
    opening, closing = _BRACKETS[kind]
    parts.append(opening)
    room -= len(opening) + len(closing)
    for number, item in enumerate(items):  # type: ignore[var-annotated, arg-type]
        if room < 0:
            return room
        if number:
            parts.append(", ")
            room -= 2
        room = _add(item, parts, room)
    parts.append(("," if kind is tuple and len(items) == 1 else "") + closing)  # type: ignore[arg-type]
    return room


def _add_pairs(value: "dict[object, object]", parts: "list[str]", room: int) -> int:
    parts.append("{")
    for number, (key, item) in enumerate(value.items()):
        if room < 0:
            return room
        if number:
            parts.append(", ")
        room = _add(key, parts, room - 4)
        parts.append(": ")
        room = _add(item, parts, room)
    parts.append("}")
    return room


def _sorted(members: object) -> "list[object]":
    # The same set is to read the same each time, where its members have an order.
    try:
        return sorted(members)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        return list(members)  # type: ignore[call-overload, no-any-return]
