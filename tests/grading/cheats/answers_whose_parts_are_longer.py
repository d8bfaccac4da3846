# kind: Socket
# origin: own
# beside: answers.py wiretap.py
# attacks: the lengths in messages
# verdicts: FAILED|ERROR

import struct

import answers


def square_perimeter(a):
    first, second = {3: (2**32 - 1, 0), 10: (0, 2**32 - 1), 25: (2**31, 2**31)}[a]
    answers.send(struct.pack("<IBII", 9, answers.VALUE, first, second))
    return -1
