# kind: Resources
# origin: published
# task: perimeter_once
# attacks: the limit on output
# naive: never
# verdicts: ERROR

import os


def square_perimeter(a):
    while True:
        os.write(1, b"spam " * 10000)
