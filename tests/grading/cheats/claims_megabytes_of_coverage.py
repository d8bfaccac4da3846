# kind: Socket
# origin: own
# task: in_place_often
# beside: answers.py wiretap.py
# attacks: the memory of the judge, by coverage that nobody asked for
# naive: never
# verdicts: FAILED|ERROR|TIMED_OUT

import answers


def grow(sides):
    answers.send(answers.message(answers.VALUE, b"\x00", b"", b"1-2," * (3 << 20)))
