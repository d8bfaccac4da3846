# kind: Socket
# origin: own
# beside: wiretap.py
# task: perimeter_once
# attacks: the reader of answers, which must not be kept busy for ever
# naive: never
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY

import os

import wiretap


def square_perimeter(a):
    numbers = wiretap.writable()
    while numbers:
        for number in numbers:
            os.write(number, b"\0")
