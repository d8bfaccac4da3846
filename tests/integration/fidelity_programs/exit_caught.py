import sys

try:
    sys.exit(2)
except SystemExit as error:
    print("caught", error.code)
