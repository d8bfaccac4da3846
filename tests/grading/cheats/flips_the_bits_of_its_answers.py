# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the reader of answers
# verdicts: FAILED|ERROR|TIMED_OUT

import wiretap


def square_perimeter(a):
    wiretap.tap(lambda data: [bytes(byte ^ 0xFF for byte in data)])
    return -1
