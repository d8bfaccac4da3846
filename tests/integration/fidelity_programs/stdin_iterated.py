# stdin: "a\nb\r\nc"
import sys

print([line for line in sys.stdin])
