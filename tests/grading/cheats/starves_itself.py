# kind: Timing
# origin: own
# task: perimeter_once
# attacks: the time a case gets back for a busy machine
# naive: never
# verdicts: TIMED_OUT

import os
import time


def square_perimeter(a):
    for _ in range(8):
        if os.fork() == 0:
            while True:
                pass
    time.sleep(600)
