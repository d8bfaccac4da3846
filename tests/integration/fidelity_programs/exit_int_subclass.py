import enum
import sys


class Code(enum.IntEnum):
    BROKEN = 12


sys.exit(Code.BROKEN)
