# kind: Limits
# origin: own
# task: perimeter_once
# attacks: the limit on processes, and the socket, which all children share
# naive: never
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY

import os
import time


def square_perimeter(a):
    children = []
    while True:
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            if len(children) == 3:
                return -1
            time.sleep(600)
        children.append(child)
    time.sleep(600)
