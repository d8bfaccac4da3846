# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the reader of answers, which may take nothing for the end
# verdicts: FAILED|ERROR

import wiretap


def square_perimeter(a):
    for connection in wiretap.sockets():
        connection.send(b"")
    return -1
