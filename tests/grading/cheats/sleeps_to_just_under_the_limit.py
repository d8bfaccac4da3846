# kind: Timing
# origin: own
# task: perimeter_once
# attacks: the clock of a case
# verdicts: FAILED|TIMED_OUT

import time


def square_perimeter(a):
    time.sleep(0.8)
    return -1
