# kind: Stdio
# origin: own
# task: dialogue
# fools: stdout_lines
# verdicts: ERROR

import sys

for line in sys.stdin:
    print(4 * int(line), flush=True)
sys.exit(1)
