def descend(number):
    if number == 0:
        raise LookupError("at the bottom")
    descend(number - 1)


descend(50)
