# stdin: b"good\n\xff bad\n"
import sys

print(ascii(sys.stdin.readline()))
print(ascii(sys.stdin.readline()))
