class ProblemError(Exception):
    def __str__(self):
        return "its own text"


raise ProblemError(1, 2)
