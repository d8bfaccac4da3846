# origin: published
# newlines: CRLF


def square_perimeter(a):
    """One line,
    and another."""
    return (
        4
        * a
    )
