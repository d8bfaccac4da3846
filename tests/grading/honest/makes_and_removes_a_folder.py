# origin: published

import os
import shutil
import tempfile


def square_perimeter(a):
    folder = tempfile.mkdtemp()
    try:
        path = os.path.join(folder, "side")
        with open(path, "w") as file:
            file.write(str(a))
        os.rename(path, path + ".renamed")
        with open(path + ".renamed") as file:
            return 4 * int(file.read())
    finally:
        shutil.rmtree(folder)
