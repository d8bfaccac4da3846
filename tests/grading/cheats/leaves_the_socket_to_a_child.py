# kind: Socket
# origin: own
# task: perimeter_once
# attacks: the end of the candidate, whose socket stays open
# naive: never
# verdicts: FAILED|ERROR|TIMED_OUT

import os
import time


def square_perimeter(a):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    os._exit(0)
