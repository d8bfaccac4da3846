# kind: Timing
# origin: own
# attacks: the order of answers: each comes twice, from two processes
# naive: never
# verdicts: FAILED|ERROR

import os


def square_perimeter(a):
    child = os.fork()
    if child:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG)
    return -1
