# origin: own

import atexit
import sys

atexit.register(print, "goodbye")
atexit.register(sys.exit, 1)


def square_perimeter(a):
    return 4 * a
