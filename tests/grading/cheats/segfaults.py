# kind: Exit
# origin: published
# attacks: the end of a process, which is a crash and not a time-out
# verdicts: ERROR

import ctypes


def square_perimeter(a):
    ctypes.string_at(0)
