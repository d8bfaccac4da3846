import atexit
import sys

atexit.register(lambda: sys.__dict__.pop("last_type", None))
raise ValueError("seen")
