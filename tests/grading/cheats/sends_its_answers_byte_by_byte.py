# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the reader of answers, that must not take a piece for the whole
# verdicts: FAILED|ERROR|TIMED_OUT

import wiretap

wiretap.tap(lambda data: [data[place : place + 1] for place in range(len(data))])


def square_perimeter(a):
    return -1
