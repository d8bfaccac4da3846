from multiprocessing import shared_memory

block = shared_memory.SharedMemory(create=True, size=16)
other = shared_memory.SharedMemory(block.name)
block.buf[:5] = b"hello"
print(bytes(other.buf[:5]))
other.close()
block.close()
block.unlink()
