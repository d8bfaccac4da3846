import os
import signal

signal.signal(signal.SIGCHLD, lambda number, frame: print("child ended"))
if os.fork() == 0:
    os._exit(0)
os.wait()
