# kind: Socket
# origin: own
# attacks: the socket, which is gone
# verdicts: ERROR

import os


def square_perimeter(a):
    os.closerange(0, 1 << 16)
    return -1
