# kind: Mutation
# origin: own
# task: in_place
# attacks: the mirror of arguments, which shows them as they were when the call returned
# verdicts: FAILED

import threading
import time


def grow(sides):
    def later():
        time.sleep(0.2)
        sides[:] = [4 * side for side in sides]

    threading.Thread(target=later, daemon=True).start()
