import os

print("in the buffer of both")
if os.fork() == 0:
    raise SystemExit
os.wait()
