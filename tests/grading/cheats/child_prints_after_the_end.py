# kind: Stdio
# origin: own
# task: dialogue
# attacks: output that comes when its program has ended
# naive: never
# verdicts: FAILED

import os
import sys
import time

if os.fork() == 0:
    os.setsid()
    time.sleep(0.3)
    for line in sys.stdin:
        print(4 * int(line), flush=True)
