# kind: Limits
# origin: own
# attacks: the stack of the program's process
# verdicts: ERROR

import sys


def square_perimeter(a):
    sys.setrecursionlimit(10**9)

    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + "x")

    return Deep().answer
