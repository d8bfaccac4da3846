# kind: Limits
# origin: own
# task: perimeter_once
# attacks: the limit on output
# naive: never
# verdicts: ERROR

import os


def square_perimeter(a):
    for _ in range(1000):
        os.write(1, b"spam" * (1 << 14))
    return 4 * a
