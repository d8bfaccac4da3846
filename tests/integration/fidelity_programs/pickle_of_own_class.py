import pickle


class Point:
    def __init__(self, x):
        self.x = x


copy = pickle.loads(pickle.dumps(Point(3)))
print(copy.x, type(copy) is Point, type(copy).__module__)
