import sys

print("\udc80 \ud800", file=sys.stderr)
