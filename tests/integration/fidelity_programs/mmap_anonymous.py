import mmap

block = mmap.mmap(-1, 4096)
block[:3] = b"abc"
print(block[:4])
