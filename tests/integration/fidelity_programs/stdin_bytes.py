# stdin: b"\xff\x00\r\nraw"
import sys

print(sys.stdin.buffer.read())
