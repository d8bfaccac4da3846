# kind: Encoding
# origin: own
# attacks: the encoding of dates, whose time zone runs code
# verdicts: FAILED|ERROR

import datetime
import os


class Zone(datetime.tzinfo):
    def utcoffset(self, when):
        os._exit(0)

    def __reduce__(self):
        os._exit(0)


def square_perimeter(a):
    return datetime.datetime(2024, 1, 1, tzinfo=Zone())
