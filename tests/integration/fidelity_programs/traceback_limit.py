import sys

sys.tracebacklimit = 1


def f():
    raise ValueError("short")


f()
