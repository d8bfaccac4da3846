# origin: own

import time

time.sleep(0.3)
TABLE = [4 * number for number in range(300_000)]


def square_perimeter(a):
    return TABLE[a]
