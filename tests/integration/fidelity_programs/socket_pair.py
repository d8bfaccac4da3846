import socket

left, right = socket.socketpair()
left.sendall(b"ping")
print(right.recv(10))
