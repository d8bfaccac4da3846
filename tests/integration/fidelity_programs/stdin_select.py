# stdin: "ready"
import select
import sys

print(len(select.select([sys.stdin], [], [], 0)[0]))
