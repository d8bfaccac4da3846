import multiprocessing
import sys


def broken():
    sys.stderr.write("child is about to exit with 3\n")
    sys.exit(3)


process = multiprocessing.Process(target=broken)
process.start()
process.join()
print(process.exitcode)
