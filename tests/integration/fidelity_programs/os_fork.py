import os

print("printed once", flush=True)
pid = os.fork()
if pid == 0:
    print("child")
    os._exit(0)
_, status = os.waitpid(pid, 0)
print("parent", status)
