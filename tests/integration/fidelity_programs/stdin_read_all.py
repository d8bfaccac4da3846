# stdin: "first\nsecond\n"
import sys

print(repr(sys.stdin.read()), repr(sys.stdin.read()))
