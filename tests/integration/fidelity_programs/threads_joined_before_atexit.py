import atexit
import threading

gate = threading.Event()


def late():
    gate.wait()
    print("thread")


atexit.register(print, "atexit")
threading.Thread(target=late).start()
gate.set()
