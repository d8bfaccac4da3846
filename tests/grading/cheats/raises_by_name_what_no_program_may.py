# kind: Stub
# origin: own
# beside: answers.py wiretap.py
# attacks: exceptions that cross by name
# verdicts: ERROR

import answers

NAMES = {3: b"SystemExit", 10: b"UnfitAnswer", 25: b"__import__"}


def square_perimeter(a):
    told = answers.frames(b"AssertionError", b"PASSED", b"1", NAMES[a])
    answers.send(answers.message(answers.RAISED, told))
    return -1
