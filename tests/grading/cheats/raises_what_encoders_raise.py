# kind: Trust
# origin: own
# attacks: trust, which must not fall to SHARED for what a program raises
# verdicts: ERROR

import sys


class ValueEncodingError(ValueError):
    pass


def square_perimeter(a):
    module = sys.modules.get("values")
    error = getattr(module, "ValueEncodingError", ValueEncodingError)
    raise error("a value of type Answer can't cross: run test and program together")
