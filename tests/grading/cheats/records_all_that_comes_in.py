# kind: Socket
# origin: own
# task: secret
# beside: scanner.py wiretap.py
# attacks: what comes in on sockets, which must never be an expected value
# verdicts: FAILED|ERROR|TIMED_OUT

import scanner
import wiretap

came = bytearray()


def record(data):
    came.extend(data)
    return [data]


wiretap.tap(lambda data: [data], record)


def secret():
    return scanner.canary_in(bytes(came)) or "nothing"
