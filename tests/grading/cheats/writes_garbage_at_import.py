# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the reader of answers, before there is a question
# verdicts: FAILED|ERROR

import os

import wiretap

for number in wiretap.writable():
    os.write(number, bytes(range(256)))


def square_perimeter(a):
    return -1
