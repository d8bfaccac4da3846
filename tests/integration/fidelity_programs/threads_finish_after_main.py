import threading

gate = threading.Event()


def late():
    gate.wait()
    print("thread ends")


threading.Thread(target=late).start()
print("main ends")
gate.set()
