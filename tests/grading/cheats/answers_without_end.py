# kind: Socket
# origin: own
# beside: wiretap.py
# task: perimeter_once
# attacks: the memory of the reader of answers
# naive: never
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY

import wiretap


def flood(data):
    yield data[:8]
    while True:
        yield b"\0" * (1 << 16)


def square_perimeter(a):
    wiretap.tap(flood)
    return -1
