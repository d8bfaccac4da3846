import os
import signal


def handler(number, frame):
    raise InterruptedError("from the handler")


signal.signal(signal.SIGUSR2, handler)
os.kill(os.getpid(), signal.SIGUSR2)
