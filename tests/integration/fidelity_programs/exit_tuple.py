import sys

sys.exit(1, ) if len(sys.argv) > 1 else sys.exit((1, 2))
