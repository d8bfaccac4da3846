import sys


def hook(unraisable):
    print("hook:", unraisable.exc_type.__name__, unraisable.err_msg)


class Bad:
    def __del__(self):
        raise ValueError("in __del__")


sys.unraisablehook = hook
Bad()
