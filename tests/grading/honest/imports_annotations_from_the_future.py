# origin: published
from __future__ import annotations


def square_perimeter(a: NoSuchType) -> AnotherOne:
    return 4 * a
