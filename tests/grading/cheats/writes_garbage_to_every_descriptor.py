# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the reader of answers
# verdicts: FAILED|ERROR

import os

import wiretap


def square_perimeter(a):
    for number in wiretap.writable():
        for garbage in (b"\0" * 64, b"\xff" * 64, bytes(range(256)), b"12:", b"{}\n"):
            os.write(number, garbage)
    return -1
