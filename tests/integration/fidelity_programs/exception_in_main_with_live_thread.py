import threading

gate = threading.Event()


def late():
    gate.wait()
    print("thread survives the error")


threading.Thread(target=late).start()
threading.main_thread()
import sys

sys.excepthook = lambda *error: (sys.__excepthook__(*error), gate.set())
raise OSError(5, "main failed")
