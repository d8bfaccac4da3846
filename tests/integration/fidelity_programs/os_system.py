import os

print(os.system("echo from the shell"), os.system("exit 3"), os.waitstatus_to_exitcode(os.system("kill -9 $$")))
