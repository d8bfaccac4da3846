"""Values on their way into a page: as JSON, compressed, in letters that HTML leaves alone."""

import base64
import gzip
import json
from typing import Any


def packed(value: Any) -> str:
    """Pack a value for the page's `unpack`; it is ASCII whatever text the value holds, lone surrogates too."""
    return packed_text(json.dumps(value, separators=(",", ":")))


def packed_text(text: str) -> str:
    """Pack text alone, for `unpackText`."""
    # Without a time: the same run gives the same page.
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


class Interned:
    """Texts, each kept once and called by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Which text it is; a new one is the next."""
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def texts(self) -> list[str]:
        """All of them, by their numbers."""
        return list(self._numbers)
