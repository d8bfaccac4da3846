# kind: Limits
# origin: own
# task: perimeter_once
# attacks: the limit on memory, which holds for children too
# naive: never
# verdicts: OUT_OF_MEMORY

import os


def square_perimeter(a):
    child = os.fork()
    if child == 0:
        taken = []
        while True:
            taken.append(bytearray(b"x") * (16 << 20))
    os.waitpid(child, 0)
    return 4 * a
