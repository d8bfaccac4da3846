# kind: Stub
# origin: own
# task: perimeter_mapped
# beside: answers.py wiretap.py
# attacks: exceptions that cross by name
# verdicts: ERROR

import answers


def square_perimeter(a):
    told = answers.frames(b"StopIteration", b"", b"1", b"StopIteration")
    answers.send(answers.message(answers.RAISED, told))
    return -1
