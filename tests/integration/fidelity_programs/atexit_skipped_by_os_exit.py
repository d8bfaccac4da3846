import atexit
import os
import sys

atexit.register(print, "never")
print("flushed by hand")
sys.stdout.flush()
print("lost in the buffer")
os._exit(4)
