import signal


class Elapsed(Exception):
    pass


def handler(number, frame):
    raise Elapsed


signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01)
try:
    while True:
        pass
except Elapsed:
    print("elapsed")
