import inspect


# what it is for
def f():
    return 1


print(inspect.getcomments(f))
