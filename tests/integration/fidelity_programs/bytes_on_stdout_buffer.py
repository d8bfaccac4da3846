import sys

sys.stdout.buffer.write(b"\xff\xfe raw \x00 bytes\n")
print("text after bytes")
