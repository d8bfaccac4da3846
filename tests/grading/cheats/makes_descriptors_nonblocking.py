# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the other end of what is shared, by the flags of open files
# verdicts: FAILED|ERROR

import fcntl
import os
import signal

import wiretap


def square_perimeter(a):
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    for number in [0, 1, 2, *(number for number, _ in wiretap.inherited())]:
        for flags in (os.O_NONBLOCK, os.O_ASYNC | os.O_APPEND | os.O_NONBLOCK):
            try:
                fcntl.fcntl(number, fcntl.F_SETOWN, os.getppid() or os.getpid())
                fcntl.fcntl(number, fcntl.F_SETFL, flags)
            except OSError:
                pass
    return -1
