# kind: Timing
# origin: own
# task: perimeter_once
# attacks: the clock of the load
# verdicts: TIMED_OUT

import time

time.sleep(600)


def square_perimeter(a):
    return -1
