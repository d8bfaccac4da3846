import os
import signal
import sys

for end in (lambda: os._exit(3), lambda: sys.exit(4), lambda: os.kill(os.getpid(), signal.SIGKILL), os.abort):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        end()
    status = os.waitpid(pid, 0)[1]
    print(os.WIFEXITED(status), os.WIFSIGNALED(status), os.waitstatus_to_exitcode(status))
