# stdin: "seekable"
import os
import stat
import sys

print(sys.stdin.seekable(), stat.S_ISREG(os.fstat(0).st_mode), os.fstat(0).st_size)
print(sys.stdin.read(3), sys.stdin.seek(0), sys.stdin.read())
