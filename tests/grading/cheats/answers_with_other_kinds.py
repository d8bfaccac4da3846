# kind: Socket
# origin: own
# beside: answers.py wiretap.py
# attacks: the kinds of messages: loaded again, none there is, a value that is none
# verdicts: FAILED|ERROR

import answers


def square_perimeter(a):
    kind = {3: answers.LOADED, 10: 77, 25: answers.VALUE}[a]
    answers.send(answers.message(kind, b"\x99"))
    return -1
