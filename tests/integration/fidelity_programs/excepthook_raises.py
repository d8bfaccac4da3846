import sys


def hook(kind, value, trace):
    raise RuntimeError("the hook failed too")


sys.excepthook = hook
raise ValueError("x")
