# origin: own

import os
import sys

sys.stdin.close()
sys.stdout.close()
os.closerange(0, 2)


def square_perimeter(a):
    return 4 * a
