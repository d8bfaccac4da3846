# kind: Socket
# origin: own
# beside: wiretap.py
# task: perimeter_once
# attacks: the clock of a case, when nothing comes
# verdicts: FAILED|ERROR|TIMED_OUT

import wiretap


def square_perimeter(a):
    wiretap.tap(lambda data: [])
    return -1
