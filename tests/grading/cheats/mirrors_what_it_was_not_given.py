# kind: Mutation
# origin: own
# task: in_place_often
# beside: answers.py wiretap.py
# attacks: the mirror of arguments: other types, more of them, fewer, none at all
# verdicts: FAILED|ERROR

import answers

NONE = b"\x00"
LIST = b"\x10\x00\x00\x00\x00"
MIRRORED = [
    LIST,
    NONE,
    b"\x11\x00\x00\x00\x00",
    b"\x11\x03\x00\x00\x00" + LIST * 3,
    b"\x11\x01\x00\x00\x00" + NONE,
    b"\x11\x01\x00\x00\x00\x12\x00\x00\x00\x00",
    b"\x11\x01\x00\x00\x00\x06\x01\x00\x00\x00a",
    b"\x99",
]


def grow(sides):
    answers.send(answers.message(answers.VALUE, NONE, MIRRORED.pop(0) if len(MIRRORED) > 1 else MIRRORED[0]))
