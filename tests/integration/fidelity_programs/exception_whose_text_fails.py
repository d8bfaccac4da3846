class BadError(Exception):
    def __str__(self):
        raise RuntimeError


raise BadError
