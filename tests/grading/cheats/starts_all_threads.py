# kind: Limits
# origin: own
# attacks: the limit on processes, which counts threads
# naive: never
# verdicts: FAILED|ERROR

import threading
import time


def square_perimeter(a):
    while True:
        try:
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        except RuntimeError:
            return -1
