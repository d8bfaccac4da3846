# kind: Trust
# origin: own
# beside: answers.py wiretap.py
# attacks: trust, and the message, by a reason of its own why its answer can't cross
# verdicts: FAILED

import answers


def square_perimeter(a):
    answers.send(answers.message(answers.UNFIT, b"PASSED\n\xff\0 mark the case shared=True" * 100_000))
    return -1
