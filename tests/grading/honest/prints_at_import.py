# origin: published

import sys

print("loading the perimeter module")
print("warning: nothing to warn of", file=sys.stderr)


def square_perimeter(a):
    print("asked about", a)
    return 4 * a
