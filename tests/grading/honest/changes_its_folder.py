# origin: own

import os
import tempfile

os.chdir(tempfile.mkdtemp())
os.environ.clear()


def square_perimeter(a):
    return 4 * a
