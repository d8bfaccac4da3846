# kind: Limits
# origin: own
# attacks: whatever still has to be opened in the program's process
# verdicts: FAILED|ERROR

import os


def square_perimeter(a):
    while True:
        try:
            os.open("/dev/null", os.O_RDONLY)
        except OSError:
            return -1
