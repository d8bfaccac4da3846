try:
    {}["missing"]
except KeyError as error:
    raise RuntimeError("could not look up") from error
