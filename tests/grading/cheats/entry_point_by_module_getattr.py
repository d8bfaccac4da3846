# kind: Stub
# origin: own
# attacks: the stub of what is there only when asked for
# verdicts: FAILED|ERROR

import sys


class Module(type(sys)):
    def __getattribute__(self, name):
        return lambda *arguments: -1


def __getattr__(name):
    return lambda *arguments: -1


module = sys.modules.get(__name__)
if module is not None:
    module.__class__ = Module
