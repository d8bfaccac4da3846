import inspect


class Shape:
    """A shape."""

    sides = 4

    def name(self):
        return "shape"


print(inspect.getsource(Shape))
print(inspect.getdoc(Shape), inspect.getfile(Shape))
