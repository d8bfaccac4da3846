import sys


class Reason:
    def __str__(self):
        return "an object's own text"


sys.exit(Reason())
