# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the socket, one way of which is gone
# verdicts: FAILED|ERROR|TIMED_OUT

import socket

import wiretap


def square_perimeter(a):
    for connection in wiretap.sockets():
        connection.shutdown(socket.SHUT_RD if a == 3 else socket.SHUT_WR)
    return -1
