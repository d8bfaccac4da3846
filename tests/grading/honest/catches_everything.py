# origin: own


def square_perimeter(a):
    try:
        raise SystemExit(0)
    except BaseException:
        pass
    try:
        assert False, "its own"
    except AssertionError:
        return 4 * a
