def fail(depth):
    if depth == 0:
        raise KeyError("deep in the helper")
    fail(depth - 1)
