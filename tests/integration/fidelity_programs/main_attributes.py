import sys

main = sys.modules["__main__"]
print(__name__, __file__, __package__, __spec__, __doc__)
print(type(__loader__).__name__, __loader__.name, __loader__.path)
print(sorted(name for name in vars(main)))
print(__builtins__.__name__, main.__dict__ is globals())
print(__annotations__)
