import sys

print(repr(sys.path[0]))
print([entry for entry in sys.path if "trialbox" in entry])
