# kind: Timing
# origin: own
# task: perimeter_once
# attacks: the clock of a case, and the socket, which a child holds too
# naive: never
# verdicts: FAILED|ERROR|TIMED_OUT

import os
import time


def square_perimeter(a):
    if os.fork():
        time.sleep(600)
    time.sleep(0.3)
    return -1
