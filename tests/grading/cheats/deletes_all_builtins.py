# kind: Process
# origin: own
# attacks: whatever still has to be looked up in the program's process
# verdicts: FAILED|ERROR

import builtins


def square_perimeter(a):
    vars(builtins).clear()
    return -1
