import inspect


def area(width, height):
    # a comment that only the file holds
    return width * height


print(inspect.getsource(area))
print(inspect.getsourcefile(area), inspect.getsourcelines(area)[1])
