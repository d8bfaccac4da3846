import inspect


def outer():
    return inner()


def inner():
    return [(frame.function, frame.lineno, frame.filename, frame.code_context) for frame in inspect.stack()]


for row in outer():
    print(row)
