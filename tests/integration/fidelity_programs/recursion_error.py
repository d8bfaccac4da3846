def forever(number):
    return forever(number + 1)


forever(0)
