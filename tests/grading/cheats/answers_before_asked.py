# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the order of answers: one comes for a hundred calls
# verdicts: FAILED|ERROR

import wiretap


def square_perimeter(a):
    if a == 3:
        wiretap.tap(lambda data: [data * 100])
    return -1
