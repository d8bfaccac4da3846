import atexit
import sys


def leave():
    sys.exit(9)


atexit.register(print, "later callback")
atexit.register(leave)
print("main ends")
