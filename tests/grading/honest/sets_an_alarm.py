# origin: own

import signal


class TooSlow(Exception):
    pass


def give_up(number, frame):
    raise TooSlow


def square_perimeter(a):
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(5)
    try:
        return 4 * a
    finally:
        signal.alarm(0)
