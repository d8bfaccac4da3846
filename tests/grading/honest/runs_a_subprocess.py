# origin: own

import subprocess
import sys


def square_perimeter(a):
    done = subprocess.run([sys.executable, "-c", f"print(4 * {a})"], capture_output=True, check=True)
    return int(done.stdout)
