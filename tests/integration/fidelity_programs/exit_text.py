import sys

sys.exit("goodbye, naïve world")
