class SilentError(Exception):
    pass


raise SilentError
