"""Does to the judge's arguments what the program did in place to its copies of them.

Test code may hold what it passes, or be iterating over it: containers stay the objects they are, and what the
program left as it was is not touched.
"""

import frames
import values

if False:  # for the type checker only
    from typing import Any

# Equal ones are the same to the last bit.
_PLAIN = (int, str, bytes, bool, type(None))


def apply(original: "tuple[object, ...]", changed: object) -> None:
    """Make each mutable object inside `original` equal to its counterpart in `changed`, in place.

    Counterparts stand at the same index, or under the same key, and have the same type. What has none stays as it
    is among the arguments, and is replaced inside a container. The program got a copy for each place at which an
    object stands: it changes as the first of them that changed. Raises nothing, whatever the program sent.
    """
    _Mirror().merged(original, changed)


class _Mirror:
    def __init__(self) -> None:
        self._changed: dict[int, object] = {}

    def merged(self, old: "Any", new: "Any") -> object:
        """Change `old` where that can be done; return what is to stand in its place."""
        kind = type(new)
        if kind is tuple and isinstance(old, tuple):
            return self._tuple(old, new)
        if kind is type(old) and kind in _PLAIN:
            return old if old == new else new
        mutable = kind.__hash__ is None
        if kind is not type(old) or not mutable:
            return old if _mark(old) == _mark(new) else new
        if kind.__name__ == "deque" and old.maxlen != new.maxlen:  # which can't be changed
            return new
        if id(old) not in self._changed and self._change(old, new):
            self._changed[id(old)] = old
        return old

    def _tuple(self, old: "tuple[object, ...]", new: "tuple[object, ...]") -> object:
        items = self._items(old, new)
        if _are(items, old):
            return old
        # A named tuple stays one while each of its fields has a value.
        return tuple.__new__(type(old) if len(items) == len(old) else tuple, items)

    def _change(self, old: "Any", new: "Any") -> bool:
        if isinstance(new, dict):
            return self._dict(old, new)
        if isinstance(new, set):
            return _set(old, new)
        if isinstance(new, bytearray):
            return _bytes(old, new)
        items = self._items(old, new)
        if _are(items, old):
            return False
        if len(items) == len(old):  # which lets others go on iterating, as setting an item does
            for place, item in enumerate(items):
                old[place] = item
        else:
            old.clear()
            old.extend(items)
        return True

    def _items(self, old: "Any", new: "Any") -> "list[object]":
        return [self.merged(was, now) for was, now in zip(old, new, strict=False)] + list(new)[len(old) :]

    def _dict(self, old: "Any", new: "Any") -> bool:
        had = {_mark(key): (key, value) for key, value in old.items()}
        pairs = []
        for key, value in new.items():
            own = had.get(_mark(key))
            pairs.append((key, value) if own is None else (own[0], self.merged(own[1], value)))
        before = list(old.items())
        cleared = not _are([key for key, _ in pairs[: len(before)]], [key for key, _ in before])
        if cleared:
            old.clear()
            before = []
        # Where all keys stay, only values are set, for the same reason.
        assigned = pairs[len(before) :] + [now for was, now in zip(before, pairs, strict=False) if now[1] is not was[1]]
        for key, value in assigned:
            old[key] = value
        return _adopt_factory(old, new) or cleared or bool(assigned)


def _adopt_factory(old: "Any", new: "Any") -> bool:
    factory = getattr(old, "default_factory", None)
    crossed = factory if any(factory is known for known in values.FACTORIES) else None
    if crossed is getattr(new, "default_factory", None):
        return False
    old.default_factory = new.default_factory
    return True


def _set(old: "set[object]", new: "set[object]") -> bool:
    gone = {_mark(member): member for member in old}
    come = []
    for member in new:
        mark = _mark(member)
        if mark in gone:
            del gone[mark]
        else:
            come.append(member)
    old.difference_update(gone.values())
    old.update(come)
    return bool(gone or come)


def _bytes(old: bytearray, new: bytearray) -> bool:
    if old == new:
        return False
    try:
        old[:] = new
    except BufferError:  # the test looks into it, which would have kept the program from resizing it
        return False
    return True


def _are(items: "list[object]", others: "Any") -> bool:
    return len(items) == len(others) and all(map(_is, items, others))


def _is(one: object, other: object) -> bool:
    return one is other


def _mark(value: object) -> bytes:
    """The same only for what is the same to the last bit and cannot change; sets have no order."""
    if isinstance(value, frozenset):
        return frames.pack(b"frozenset", *sorted(map(_mark, value)))
    if isinstance(value, tuple):
        return frames.pack(b"tuple", *map(_mark, value))
    try:
        return values.encode(value)
    except values.ValueEncodingError:
        return b""  # unlike all that crossed
