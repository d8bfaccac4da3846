# kind: Encoding
# origin: own
# attacks: the encoding of dicts, by one that runs code when it is read
# verdicts: FAILED


class Claims(dict):
    def __missing__(self, key):
        return key

    def __contains__(self, key):
        return True

    def __eq__(self, other):
        return True

    def items(self):
        return [("expected", self)] * 3

    def keys(self):
        raise SystemExit

    def __iter__(self):
        return iter(range(10**12))

    def __len__(self):
        return 1


def square_perimeter(a):
    return Claims()
