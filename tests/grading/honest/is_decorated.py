# origin: own

import functools
import time


def timed(function):
    @functools.wraps(function)
    def wrapper(*arguments, **options):
        began = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            wrapper.seconds = time.perf_counter() - began

    return wrapper


@timed
def square_perimeter(a):
    return 4 * a
