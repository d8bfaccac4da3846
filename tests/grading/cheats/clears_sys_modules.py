# kind: Process
# origin: own
# attacks: whatever still has to be imported in the program's process
# verdicts: FAILED|ERROR

import sys


def square_perimeter(a):
    sys.modules.clear()
    sys.path.clear()
    sys.meta_path.clear()
    return -1
