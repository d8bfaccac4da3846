# kind: Socket
# origin: own
# beside: wiretap.py
# task: perimeter_once
# attacks: the order of answers: each is kept back for the next question
# verdicts: FAILED|ERROR|TIMED_OUT

import wiretap

kept = []


def late(data):
    kept.append(data)
    return [kept.pop(0)] if len(kept) > 1 else []


wiretap.tap(late)


def square_perimeter(a):
    return -1
