# kind: Timing
# origin: own
# attacks: the end of the program's process
# naive: never
# verdicts: FAILED

import atexit
import signal
import threading
import time

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:
        pass
atexit.register(time.sleep, 600)
threading.Thread(target=time.sleep, args=(600,)).start()


class Clinging:
    def __del__(self):
        time.sleep(600)


clinging = Clinging()


def square_perimeter(a):
    return -1
