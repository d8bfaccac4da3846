# kind: Timing
# origin: own
# task: perimeter_once
# attacks: the clock of a case, which must not be in what is stopped
# verdicts: TIMED_OUT

import os
import signal


def square_perimeter(a):
    os.kill(os.getpid(), signal.SIGSTOP)
    return -1
