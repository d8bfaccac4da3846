# origin: own

import contextlib
import io
import sys

sys.stdout = io.StringIO()


def square_perimeter(a):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        print(4 * a)
    return int(printed.getvalue())
