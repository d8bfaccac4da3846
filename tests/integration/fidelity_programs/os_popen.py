import os

with os.popen("echo read back") as pipe:
    print(pipe.read())
