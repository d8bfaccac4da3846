# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the order of answers
# verdicts: FAILED|ERROR

import wiretap


def square_perimeter(a):
    if a == 3:
        wiretap.tap(lambda data: [data, data])
    return -1
