# kind: Socket
# origin: own
# task: perimeter_once
# beside: answers.py wiretap.py
# attacks: the clock of a case, when an answer has begun to come
# verdicts: TIMED_OUT

import answers


def square_perimeter(a):
    answers.send(answers.message(answers.VALUE, b"\x00" * 100)[:50])
    return -1
