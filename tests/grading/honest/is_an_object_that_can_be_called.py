# origin: own


class Multiplier:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, number):
        return self.factor * number


square_perimeter = Multiplier(4)
