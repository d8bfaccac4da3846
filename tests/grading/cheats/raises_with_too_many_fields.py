# kind: Stub
# origin: own
# beside: answers.py wiretap.py
# attacks: whoever reads an exception
# verdicts: ERROR

import answers


def square_perimeter(a):
    answers.send(answers.message(answers.RAISED, {3: b"", 10: b"0:" * 200_000, 25: b"99:"}[a]))
    return -1
