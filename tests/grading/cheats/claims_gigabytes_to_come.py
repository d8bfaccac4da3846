# kind: Socket
# origin: own
# beside: wiretap.py
# task: perimeter_once
# attacks: the memory of the reader of answers
# verdicts: FAILED|ERROR|TIMED_OUT

import os

import wiretap


def square_perimeter(a):
    for number in wiretap.writable():
        for length in (b"\x00\x00\x00\x40", b"\x40\x00\x00\x00", b"\xff\xff\xff\x7f", b"1073741824:"):
            os.write(number, length)
    return -1
