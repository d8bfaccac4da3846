import sys
import threading


def hook(args):
    print("hook:", args.exc_type.__name__, args.exc_value, args.thread.name, file=sys.stderr)


threading.excepthook = hook


def broken():
    raise RuntimeError("in a thread")


thread = threading.Thread(target=broken, name="worker")
thread.start()
thread.join()
