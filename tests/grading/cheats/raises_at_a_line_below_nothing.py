# kind: Stub
# origin: own
# beside: answers.py wiretap.py
# attacks: whoever reads the line that is told with an exception
# verdicts: ERROR

import answers

LINES = {3: b"-5", 10: b"9" * 5000, 25: b"PASSED"}


def square_perimeter(a):
    told = answers.frames(b"ValueError", b"PASSED", LINES[a], b"ValueError")
    answers.send(answers.message(answers.RAISED, told))
    return -1
