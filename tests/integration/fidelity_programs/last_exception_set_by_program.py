import sys

sys.last_type, sys.last_value = KeyError, KeyError("old")
try:
    raise ValueError("caught")
except ValueError:
    sys.last_traceback = sys.exc_info()[2]
print("ends well")
