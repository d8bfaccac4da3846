# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the ids and lengths in answers, whatever they are: one byte of each answer counts one more
# verdicts: FAILED|ERROR|TIMED_OUT

import wiretap

count = 0


def forged(data):
    global count
    place = count % min(len(data), 16)
    count += 1
    return [data[:place] + bytes([(data[place] + 1) % 256]) + data[place + 1 :]]


def square_perimeter(a):
    if not count:
        wiretap.tap(forged)
    return -1
