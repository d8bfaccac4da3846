import os

read_end, write_end = os.pipe()
if os.fork() == 0:
    os.close(read_end)
    os.write(write_end, b"from the child")
    os._exit(0)
os.close(write_end)
print(os.read(read_end, 100), os.read(read_end, 100))
