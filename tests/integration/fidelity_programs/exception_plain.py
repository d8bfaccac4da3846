def outer():
    inner()


def inner():
    raise ValueError("a message")


outer()
