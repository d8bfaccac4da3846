# origin: own

import inspect


def square_perimeter(a):
    assert "looks_at_its_own" not in __name__
    assert inspect.signature(square_perimeter).parameters.keys() == {"a"}
    return 4 * a
