# kind: Resources
# origin: published
# task: perimeter_once
# attacks: the limit on processes, and the socket, which all children share
# naive: never
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY

import os


def square_perimeter(a):
    for _ in range(100):
        try:
            os.fork()
        except OSError:
            pass
    return -1
