# stdin: "0123456789\n" * 20000
import sys

data = sys.stdin.read()
print(len(data), data.count("\n"))
