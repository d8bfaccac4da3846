# kind: Resources
# origin: published
# task: perimeter_once
# attacks: the clock of a case, where it is a timer in the program's process
# verdicts: TIMED_OUT

import signal


def square_perimeter(a):
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)
    signal.alarm(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        pass
