def apply(original, changed):
    for a, b in zip(original, changed):
        if isinstance(a, list):
            a[:] = b
