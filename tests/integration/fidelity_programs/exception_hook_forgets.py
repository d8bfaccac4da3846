import sys


def hook(*told):
    sys.last_type = None


sys.excepthook = hook
raise ValueError("unseen")
